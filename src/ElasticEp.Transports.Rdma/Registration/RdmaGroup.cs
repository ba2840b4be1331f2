using Microsoft.Extensions.DependencyInjection;

namespace ElasticEp.Transports.Rdma.Registration;

/// <summary>A group of this host uses RDMA.</summary>
/// <param name="Control">How its transport for the control link is made.</param>
internal sealed record RdmaGroup(ServiceDescriptor Control);
