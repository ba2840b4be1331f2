using ElasticEp.Transports.Rdma;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Options of a server whose data goes over UCX. Few bytes go with a frame's head, so that this model's small frames are fetched too.</summary>
internal static class UcxLinks
{
    public const string SharedMemory = "sm";
    public const string Tcp = "tcp";

    public static string[] Options(string transports)
    {
        Assert.SkipUnless(UcxLibrary.IsSupported, UcxLibrary.NotSupportedReason);
        return ["--transport", "rdma", "--ElasticEp:Rdma:Transports", transports, "--ElasticEp:Rdma:EagerLimit", "256"];
    }
}
