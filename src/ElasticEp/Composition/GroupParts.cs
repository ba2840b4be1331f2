using Microsoft.Extensions.DependencyInjection;

namespace ElasticEp.Composition;

/// <summary>The services of one group: keyed by its name.</summary>
internal static class GroupParts
{
    /// <summary>The service of a kind that the group gets; null for none.</summary>
    public static ServiceDescriptor? Find<T>(this IElasticEpBuilder builder) => builder.Services.LastOrDefault(service =>
        service.IsKeyedService && service.ServiceType == typeof(T) && builder.Name.Equals(service.ServiceKey));

    /// <summary>The Use… method that has chosen the service of a kind; null when there is none, or the app's own.</summary>
    public static string? ChooserOf<T>(this IElasticEpBuilder builder) =>
        builder.Find<T>() is { } service ? ChosenParts.Of(builder.Services).ChooserOf(service) : null;

    /// <summary>Chooses an object that others own.</summary>
    public static void Choose<T>(this IElasticEpBuilder builder, string chooser, T part)
        where T : class =>
        builder.Choose<T>(chooser, new ServiceDescriptor(typeof(T), builder.Name, part));

    /// <summary>Chooses what is made once for the group, and disposed of with the host.</summary>
    public static void Choose<T>(this IElasticEpBuilder builder, string chooser, Func<IServiceProvider, T> create)
        where T : class =>
        builder.Choose<T>(chooser, new ServiceDescriptor(typeof(T), builder.Name, (provider, _) => create(provider), ServiceLifetime.Singleton));

    private static void Choose<T>(this IElasticEpBuilder builder, string chooser, ServiceDescriptor part)
        where T : class
    {
        var parts = ChosenParts.Of(builder.Services);
        if (builder.Find<T>() is { } earlier)
        {
            if (parts.ChooserOf(earlier) is null)
                return;
            builder.Services.Remove(earlier);
            parts.Remove(earlier);
        }

        builder.Services.Add(part);
        parts.Add(part, chooser);
    }
}
