namespace ElasticEp.Samples.Tests.Processes;

public sealed class SharedMemoryLostWorkerTests : LostWorkerTests
{
    protected override string[] Links => UcxLinks.Options(UcxLinks.SharedMemory);
}
