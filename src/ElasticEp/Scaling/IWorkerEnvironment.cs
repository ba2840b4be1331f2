namespace ElasticEp.Scaling;

/// <summary>Adds to the environment of a worker process what it needs to find and join the group. Keyed by the group's name.</summary>
public interface IWorkerEnvironment
{
    /// <summary>Adds variables, for example <c>ElasticEp__StoreAddress</c>.</summary>
    void Fill(IDictionary<string, string?> environment);
}
