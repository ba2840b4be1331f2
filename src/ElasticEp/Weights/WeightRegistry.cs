using System.Collections.Immutable;

namespace ElasticEp.Weights;

/// <summary>Collects what the workload registers and checks it; read-only once complete.</summary>
/// <param name="layers">MoE layers that must be described.</param>
internal sealed class WeightRegistry(int layers) : IWeightRegistry
{
    private readonly List<ExpertPart> _dense = [];
    private readonly List<EpBuffer> _memory = [];
    private readonly HashSet<string> _names = [];
    private readonly ImmutableArray<ExpertPart>[] _experts = new ImmutableArray<ExpertPart>[layers];
    private WeightManifest? _manifest;

    /// <summary>Names and lengths of everything.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidState"/> before completion.</exception>
    public WeightManifest Manifest => _manifest ?? throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "Weights are known only after InitializeAsync has returned.");

    /// <inheritdoc/>
    public void AddDense(string name, EpBuffer memory)
    {
        CheckOpen();
        CheckPart("Dense memory", name, memory.ByteLength);
        if (memory.Kind == MemoryKind.Device)
            throw Invalid($"Dense memory \"{name}\" is on a device; register host or pinned memory, and copy it to the device in WarmUpAsync.");
        if (!_names.Add(name))
            throw Invalid($"Dense memory \"{name}\" is registered twice.");
        _dense.Add(new ExpertPart(name, memory.ByteLength));
        _memory.Add(memory);
    }

    /// <inheritdoc/>
    public void DescribeExperts(int layer, IReadOnlyList<ExpertPart> parts)
    {
        CheckOpen();
        ArgumentNullException.ThrowIfNull(parts);
        if (layer < 0 || layer >= layers)
            throw Invalid($"Layer {layer} is outside 0 to MoeLayers − 1 = {layers - 1}.");
        if (!_experts[layer].IsDefault)
            throw Invalid($"The experts of layer {layer} are described twice.");
        if (parts.Count == 0)
            throw Invalid($"The experts of layer {layer} have no parts.");
        foreach (var part in parts)
            CheckPart($"A part of the experts of layer {layer}", part.Name, part.ByteLength);
        if (parts.GroupBy(part => part.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw Invalid($"The experts of layer {layer} have two parts \"{twice.Key}\".");
        _experts[layer] = [.. parts];
    }

    /// <summary>Ends registration.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/> when a layer is missing.</exception>
    public void Complete()
    {
        CheckOpen();
        var missing = Enumerable.Range(0, layers).Where(layer => _experts[layer].IsDefault).ToArray();
        if (missing.Length > 0)
            throw Invalid($"The experts of layers [{string.Join(' ', missing)}] are not described; call DescribeExperts for each of the {layers} MoE layers.");
        _manifest = new WeightManifest([.. _dense], [.. _experts]);
    }

    /// <summary>Dense memory by position.</summary>
    public EpBuffer GetDense(int index) => _memory[index];

    private static void CheckPart(string what, string name, long length)
    {
        if (string.IsNullOrEmpty(name))
            throw Invalid($"{what} has no name.");
        if (length <= 0)
            throw Invalid($"{what}, \"{name}\", has a length of {length} bytes; it must be positive.");
    }

    private static ElasticEpException Invalid(string message) => new(ElasticEpErrorCode.InvalidArgument, message);

    private void CheckOpen()
    {
        if (_manifest is not null)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "Weights can be registered only inside InitializeAsync.");
    }
}
