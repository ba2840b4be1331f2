namespace ElasticEp.Tests.Rdma;

public sealed class UcxTcpTransportTests() : RdmaTransportTests(UcxPath.Tcp);
