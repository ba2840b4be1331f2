using Microsoft.Extensions.Configuration;

namespace ElasticEp.Transports.Rdma.Registration;

/// <summary>Takes options from the configuration, before the code sets what it wants otherwise.</summary>
internal static class RdmaConfiguration
{
    public const string Section = "ElasticEp:Rdma";

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/>: a value cannot be read.</exception>
    public static void Bind(RdmaOptions options, IConfiguration? configuration)
    {
        try
        {
            configuration?.GetSection(Section).Bind(options);
        }
        catch (InvalidOperationException exception)
        {
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The configuration section {Section} cannot be read: {exception.Message}", exception);
        }
    }
}
