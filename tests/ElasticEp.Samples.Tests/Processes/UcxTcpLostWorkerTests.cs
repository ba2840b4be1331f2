namespace ElasticEp.Samples.Tests.Processes;

public sealed class UcxTcpLostWorkerTests : LostWorkerTests
{
    protected override string[] Links => UcxLinks.Options(UcxLinks.Tcp);
}
