using ElasticEp.Tests.Architecture.Sample.Garden;

namespace ElasticEp.Tests.Architecture.Sample.Kitchen;

/// <summary>Refers to the garden in the state machine of a lambda alone.</summary>
internal sealed class Cook
{
    public Func<House, Task<string?>> Name { get; } = static async house =>
    {
        await Task.Yield();
        return house.Owner is null ? typeof(Bed).Name : null;
    };
}
