using ElasticEp.Gpu;

// ElasticEp.Gpu [--only a,b] [--budget seconds]: runs the sections as processes of their own and prints one table.
// ElasticEp.Gpu --section name: runs one section here.
var section = Option("--section");
if (section is not null)
    return Sections.Find(section).Run(new Report());
var only = Option("--only")?.Split(',');
var budget = TimeSpan.FromSeconds(int.Parse(Option("--budget") ?? "540", System.Globalization.CultureInfo.InvariantCulture));
return new Table(Sections.All.Where(candidate => only is null ? !candidate.IsExtra : only.Contains(candidate.Name)), budget).Run();

string? Option(string name)
{
    var at = Array.IndexOf(args, name);
    return at < 0 ? null : args[at + 1];
}
