using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using ElasticEp.Diagnostics;

namespace ElasticEp.Tests.Cluster;

/// <summary>What a group tells of itself: statistics of each rank, instruments, traces.</summary>
public sealed class TelemetryTests
{
    [Fact]
    public async Task A_rank_counts_steps_load_pauses_and_where_its_time_goes()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.SlotsPerRank = ToyModel.Experts / 2);
        await cluster.WaitForStepsAsync(5);
        var before = cluster[0].Runtime.GetStatistics();
        var result = await cluster.Client.ScaleAsync(3);
        await cluster.WaitForStepsAsync(5);
        var (first, last) = (cluster[0].Runtime.GetStatistics(), cluster[2].Runtime.GetStatistics());
        Assert.True(first.Steps >= before.Steps + 5, $"{before.Steps} then {first.Steps}");
        Assert.Equal((before.ViewChanges + result.View.Epoch - 1, 0L, 0L), (first.ViewChanges, first.Retries, first.StaleFrames));
        Assert.InRange(first.LastPause, TimeSpan.FromTicks(1), first.StepTime + ElasticCluster.Deadline);
        Assert.InRange(first.ExchangeTime + first.WaitTime, TimeSpan.FromTicks(1), first.StepTime);
        Assert.NotEmpty(first.Waits);
        Assert.All(first.Waits, wait => Assert.True(wait.Rank is 1 or 2 && wait.Frames > 0 && wait.Longest <= wait.Total));
        Assert.Equal(ToyModel.Layers * ToyModel.Experts, first.DispatchedRows.Length);
        Assert.True(first.DispatchedRows.Span.ToArray().Sum() > before.DispatchedRows.Span.ToArray().Sum());
        Assert.True(first.ReceivedRows.Span.ToArray().Sum() > 0);
        Assert.True(last is { WeightBytesReceived: > 0, WeightBytesLoaded: 0 });
        Assert.True(first.WeightBytesLoaded > 0);
    }

    [Fact]
    public async Task Instruments_report_steps_views_pauses_and_operations()
    {
        var seen = new ConcurrentDictionary<string, double>();
        await using var cluster = await ElasticCluster.StartAsync(options => options.LoadWindow = 4);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Name == ElasticEpTelemetry.MeterName && instrument.Meter.Scope == cluster.MeterFactory)
                    listening.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => seen.AddOrUpdate(Key(instrument, tags), value, (_, _) => value));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => seen.AddOrUpdate(Key(instrument, tags), value, (_, _) => value));
        listener.Start();
        var result = await cluster.Client.ScaleAsync(3);
        await cluster.WaitForStepsAsync(6); // a window ends, and the reports of all come before the step after it is complete
        listener.RecordObservableInstruments();
        Assert.Equal(result.BytesMoved, seen["elasticep.operation.bytes"]);
        Assert.True(seen["elasticep.operation.duration outcome=Completed"] > 0);
        Assert.True(seen["elasticep.view.pause rank=0"] > 0);
        Assert.True(seen["elasticep.step.duration rank=2"] > 0);
        Assert.Equal(3, seen["elasticep.view.members rank=1"]);
        Assert.Equal(cluster.Client.View.Epoch, seen["elasticep.view.epoch rank=1"]);
        Assert.True(seen["elasticep.step.exchange rank=0"] > 0 && seen["elasticep.step.wait rank=0"] > 0);
        Assert.Equal(0, seen["elasticep.step.retries rank=0"]);
        Assert.Equal(0, seen["elasticep.frames.stale rank=0"]);
        Assert.True(seen["elasticep.weights.received rank=2"] > 0);
        Assert.InRange(seen["elasticep.load.balancedness statistic=lowest"], 1.0 / 3, seen["elasticep.load.balancedness statistic=mean"]);
        Assert.InRange(seen["elasticep.load.balancedness statistic=mean"], 1.0 / 3, 1);
    }

    [Fact]
    public async Task Counters_are_there_at_zero_attributes_have_the_librarys_prefix_and_buckets_fit_the_times()
    {
        var seen = new ConcurrentDictionary<string, double>();
        var attributes = new ConcurrentDictionary<string, byte>();
        var buckets = new ConcurrentDictionary<string, IReadOnlyList<double>>();
        await using var cluster = await ElasticCluster.StartAsync();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Name != ElasticEpTelemetry.MeterName || instrument.Meter.Scope != cluster.MeterFactory)
                    return;
                listening.EnableMeasurementEvents(instrument);
                if (instrument is Histogram<double> histogram)
                    buckets[instrument.Name] = histogram.Advice!.HistogramBucketBoundaries!;
            },
        };
        listener.SetMeasurementEventCallback<long>(Note);
        listener.SetMeasurementEventCallback<double>(Note);
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.Equal(0, seen["elasticep.operation.bytes"]);
        Assert.Equal(0, seen["elasticep.step.retries rank=0"]);
        Assert.All(attributes.Keys, name => Assert.StartsWith("elasticep.", name, StringComparison.Ordinal));
        Assert.Subset(attributes.Keys.ToHashSet(), new HashSet<string> { "elasticep.group", "elasticep.rank" });
        Assert.Equal(["elasticep.operation.duration", "elasticep.recovery.duration", "elasticep.step.duration", "elasticep.view.pause"], buckets.Keys.Order(StringComparer.Ordinal));
        Assert.InRange(buckets["elasticep.step.duration"][0], 1e-5, 1e-3); // the default's first is 5 s
        Assert.All(buckets.Values, bounds => Assert.Equal(bounds.Order(), bounds));

        void Note<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
            where T : struct
        {
            seen[Key(instrument, tags)] = Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture);
            foreach (var (name, _) in tags)
                attributes[name] = 0;
        }
    }

    [Fact]
    public async Task An_operation_is_a_trace_with_its_stages()
    {
        var ended = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ElasticEpTelemetry.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var cluster = await ElasticCluster.StartAsync();
        var request = new ScaleRequest { Size = 3 };
        var result = await cluster.Client.ScaleAsync(request);
        var operation = Assert.Single(ended, activity => Equals(activity.GetTagItem("elasticep.operation.id"), request.OperationId));
        Assert.Equal("Completed", operation.GetTagItem("elasticep.operation.outcome"));
        Assert.Equal(result.View.Epoch, operation.GetTagItem("elasticep.view.epoch"));
        var stages = ended.Where(activity => activity.ParentSpanId == operation.SpanId).ToDictionary(activity => activity.OperationName, activity => activity.Duration);
        Assert.Equal(["elasticep.operation.drain", "elasticep.operation.launch", "elasticep.operation.switch", "elasticep.operation.transfer"], stages.Keys.Order());
        Assert.Equal(result.TransferTime, stages["elasticep.operation.transfer"]);
    }

    private static string Key(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var key = instrument.Name;
        foreach (var (name, value) in tags)
        {
            if (name is "elasticep.rank" or "elasticep.operation.outcome" or "elasticep.load.statistic")
                key += $" {name[(name.LastIndexOf('.') + 1)..]}={value}";
        }

        return key;
    }
}
