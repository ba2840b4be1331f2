using ElasticEp.Samples.Bench.Measuring;

namespace ElasticEp.Samples.Bench.Reporting;

/// <summary>Draws how many requests have ended, over and over on one line, a few times a second.</summary>
internal sealed class ProgressBar(TextWriter writer, RunClock clock, int total)
{
    private const double Interval = 0.1;

    private readonly Lock _gate = new();
    private int _done;
    private double _next;

    /// <summary>One more has ended.</summary>
    public void Advance()
    {
        lock (_gate)
        {
            _done++;
            var now = clock.Now;
            if (now < _next && _done < total)
                return;
            _next = now + Interval;
            Draw(now);
        }
    }

    public void Start()
    {
        lock (_gate)
            Draw(clock.Now);
    }

    /// <summary>Leaves the last state on its line.</summary>
    public void Finish()
    {
        lock (_gate)
            writer.WriteLine();
    }

    private void Draw(double now)
    {
        writer.Write($"\r{ProgressLine.Render(_done, total, TimeSpan.FromSeconds(now))}");
        writer.Flush();
    }
}
