using ElasticEp.Scaling;

namespace ElasticEp.Transports.Tcp.Registration;

/// <summary>Tells launched workers where the store is and the secret, or the file that holds it.</summary>
internal sealed class TcpWorkerEnvironment(TcpOptions options, TcpStoreHost? store) : IWorkerEnvironment
{
    public void Fill(IDictionary<string, string?> environment)
    {
        // Several workers of one machine cannot share an address that this process was given.
        environment.Remove($"{TcpConfiguration.Section}__{nameof(options.BindAddress)}");
        environment.Remove($"{TcpConfiguration.Section}__{nameof(options.AdvertisedAddress)}");
        Set(nameof(options.StoreAddress), store is { Address.IsCompletedSuccessfully: true } ? store.Address.Result.ToString() : options.StoreAddress);
        Set(nameof(options.JoinSecret), options.JoinSecretFile is null ? options.JoinSecret : null);
        Set(nameof(options.JoinSecretFile), options.JoinSecretFile);

        void Set(string option, string? value)
        {
            if (value is not null)
                environment[$"{TcpConfiguration.Section}__{option}"] = value;
        }
    }
}
