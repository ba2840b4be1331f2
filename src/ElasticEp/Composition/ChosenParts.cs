using Microsoft.Extensions.DependencyInjection;

namespace ElasticEp.Composition;

/// <summary>
/// Which services of a host the Use… methods have chosen for its groups, and which method each. The next choice of a kind takes the place of the
/// one before it; what the app has registered by itself stays. Lives among the services that it knows of.
/// </summary>
internal sealed class ChosenParts
{
    private readonly Dictionary<ServiceDescriptor, string> _choosers = [];

    private ChosenParts()
    {
    }

    public static ChosenParts Of(IServiceCollection services)
    {
        var known = services.Select(service => service.IsKeyedService ? null : service.ImplementationInstance as ChosenParts).FirstOrDefault(parts => parts is not null);
        if (known is null)
            services.AddSingleton(known = new ChosenParts());
        return known;
    }

    /// <summary>The method that has chosen a service; null when it was none.</summary>
    public string? ChooserOf(ServiceDescriptor service) => _choosers.GetValueOrDefault(service);

    public void Add(ServiceDescriptor service, string chooser) => _choosers[service] = chooser;

    public void Remove(ServiceDescriptor service) => _choosers.Remove(service);
}
