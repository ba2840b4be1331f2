namespace ElasticEp.Tests.Rdma;

public sealed class SharedMemoryTransportTests() : RdmaTransportTests(UcxPath.SharedMemory);
