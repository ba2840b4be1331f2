using System.Runtime.ExceptionServices;

namespace ElasticEp.Placement;

/// <summary>Runs what is done for each layer by itself, on several threads where that pays. Who does which layer changes nothing.</summary>
internal static class LayerThreads
{
    private const long LargeLayer = 1 << 16; // ranks × experts; smaller ones are planned in less time than it takes to share them out

    /// <summary>Whether one layer takes milliseconds.</summary>
    public static bool IsLarge(PlacementRequest request) => (long)request.Ranks.Count * request.Experts >= LargeLayer;

    /// <summary>Threads for a request.</summary>
    public static int For(PlacementRequest request) => IsLarge(request) ? Math.Min(Environment.ProcessorCount, request.Layers) : 1;

    /// <summary>Runs an action for every layer.</summary>
    /// <typeparam name="T">What one thread works with.</typeparam>
    /// <param name="layers">Number of layers.</param>
    /// <param name="threads">Most threads.</param>
    /// <param name="create">Makes what one thread works with.</param>
    /// <param name="run">The action. What it throws for the first layer for which it throws is thrown here.</param>
    public static void Run<T>(int layers, int threads, Func<T> create, Action<int, T> run)
    {
        if (threads == 1)
        {
            var own = create();
            for (var layer = 0; layer < layers; layer++)
                run(layer, own);
            return;
        }

        var failures = new ExceptionDispatchInfo?[layers];
        Parallel.For(
            0,
            layers,
            new ParallelOptions { MaxDegreeOfParallelism = threads },
            create,
            (layer, _, own) =>
            {
                try
                {
                    run(layer, own);
                }
                catch (Exception exception)
                {
                    failures[layer] = ExceptionDispatchInfo.Capture(exception);
                }

                return own;
            },
            static _ => { });
        Array.Find(failures, failure => failure is not null)?.Throw();
    }
}
