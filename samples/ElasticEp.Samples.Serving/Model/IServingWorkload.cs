namespace ElasticEp.Samples.Serving;

/// <summary>A rank's model with its weights. What belongs to leaving is done by the library; its hooks are not called.</summary>
public interface IServingWorkload : IElasticWorkload
{
    /// <summary>The model; used once it has warmed up.</summary>
    IServedModel Model { get; }
}
