using Microsoft.Win32.SafeHandles;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>A context: the devices and transports that UCX may use.</summary>
internal sealed unsafe class UcxContextHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public UcxContextHandle()
        : base(ownsHandle: true)
    {
    }

    /// <param name="settings">UCX's settings without their prefix <c>UCX_</c>; what is not named here comes from the environment.</param>
    public static UcxContextHandle Create(IEnumerable<KeyValuePair<string, string>> settings)
    {
        UcxErrors.Check(UcpApi.ucp_config_read(0, 0, out var config), "Reading the settings of UCX");
        try
        {
            foreach (var (name, value) in settings)
                UcxErrors.Check(UcpApi.ucp_config_modify(config, name, value), $"Setting UCX_{name} to '{value}'");
            var parameters = new UcpContextParams
            {
                FieldMask = UcpFlags.ParamsFeatures | UcpFlags.ParamsSharedByWorkers,
                Features = UcpFlags.FeatureActiveMessages | UcpFlags.FeatureWakeup,
                SharedByWorkers = 1, // and by who registers memory
            };
            var context = new UcxContextHandle();
            UcxErrors.Check(UcpApi.ucp_init_version(UcpApi.MajorVersion, UcpApi.MinorVersion, &parameters, config, out var handle), "Starting UCX");
            context.SetHandle(handle);
            return context;
        }
        finally
        {
            UcpApi.ucp_config_release(config);
        }
    }

    protected override bool ReleaseHandle()
    {
        UcpApi.ucp_cleanup(handle);
        return true;
    }
}
