await Toy.RunAsync(Console.Out);
