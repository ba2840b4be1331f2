using ElasticEp.Scaling;

namespace ElasticEp.Transports.Tcp.Registration;

/// <summary>Tells launched workers where the store is and the secret, or the file that holds it. What is not told is not inherited either.</summary>
internal sealed class TcpWorkerEnvironment(string group, TcpOptions options, TcpStoreHost? store) : IWorkerEnvironment
{
    public void Fill(IDictionary<string, string?> environment)
    {
        // Several workers of one machine cannot share an address that this process was given.
        Set(nameof(options.BindAddress), null);
        Set(nameof(options.AdvertisedAddress), null);
        Set(nameof(options.StoreAddress), store is { Address.IsCompletedSuccessfully: true } ? store.Address.Result.ToString() : options.StoreAddress);
        Set(nameof(options.JoinSecret), options.JoinSecretFile is null ? options.JoinSecret : null);
        Set(nameof(options.JoinSecretFile), options.JoinSecretFile);

        void Set(string option, string? value)
        {
            var name = $"{TcpConfiguration.Section}__{option}";
            environment.Remove(name);
            environment.Remove($"{TcpConfiguration.GroupSection(group).Replace(":", "__", StringComparison.Ordinal)}__{option}");
            if (value is not null)
                environment[name] = value;
        }
    }
}
