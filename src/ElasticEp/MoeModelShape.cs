namespace ElasticEp;

/// <summary>What the exchange must know of the model. Equal on all ranks; part of the layout hash.</summary>
public sealed class MoeModelShape
{
    /// <summary>Number of MoE layers; the layers of an exchange are numbered 0 to this − 1.</summary>
    public int MoeLayers { get; set; }

    /// <summary>Logical experts of each MoE layer, 1 to 2048.</summary>
    public int Experts { get; set; }

    /// <summary>Experts that each token uses, 1 to 32.</summary>
    public int TopK { get; set; }

    /// <summary>Elements of one row; a row must be a multiple of 16 bytes, and have at most 64 MiB.</summary>
    public int HiddenSize { get; set; }

    /// <summary>Type of the rows that travel, <see cref="ElementType.Float32"/> or <see cref="ElementType.BFloat16"/>.</summary>
    /// <value>Default <see cref="ElementType.BFloat16"/>.</value>
    public ElementType RowType { get; set; } = ElementType.BFloat16;
}
