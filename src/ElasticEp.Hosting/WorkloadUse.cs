using Microsoft.Extensions.DependencyInjection;

namespace ElasticEp.Hosting;

/// <summary>Says in the service collection that a group has a workload of a type.</summary>
/// <param name="Type">The type.</param>
/// <param name="Group">The group.</param>
internal sealed record WorkloadUse(Type Type, string Group)
{
    /// <summary>Whether the app has registered an object of the type itself, before any group used one.</summary>
    public static bool IsOfApp<T>(IServiceCollection services)
    {
        foreach (var service in services)
        {
            if (!service.IsKeyedService && service.ImplementationInstance is WorkloadUse use && use.Type == typeof(T))
                return false; // what is registered under the type leads to a group
            if (!service.IsKeyedService && service.ServiceType == typeof(T))
                return true;
        }

        return false;
    }

    /// <summary>Notes a use, in front of everything: what is registered under the type later is not the app's.</summary>
    public static void Add<T>(IServiceCollection services, string group)
    {
        var use = new WorkloadUse(typeof(T), group);
        if (!services.Any(service => !service.IsKeyedService && use.Equals(service.ImplementationInstance)))
            services.Insert(0, ServiceDescriptor.Singleton(use));
    }

    /// <summary>The only group with a workload of a type.</summary>
    /// <exception cref="ElasticEpException">There are several.</exception>
    public static string OnlyGroup<T>(IServiceProvider provider)
    {
        var groups = provider.GetServices<WorkloadUse>().Where(use => use.Type == typeof(T)).Select(use => use.Group).ToArray();
        return groups.Length == 1
            ? groups[0]
            : throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"The groups {string.Join(", ", groups.Order(StringComparer.Ordinal))} have a workload of type {typeof(T)}; ask for one by its group's name, as a keyed service.");
    }
}
