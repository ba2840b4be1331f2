using System.Net.Sockets;
using System.Text;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>What a reader that stops to read costs, over a real connection.</summary>
public sealed class SlowReaderTests
{
    [Fact]
    public async Task A_reader_that_takes_nothing_is_cut_and_what_it_asked_for_is_cancelled()
    {
        const int Choices = 128, Tokens = 1900; // far more than connections buffer
        await using var server = await TestServer.StartAsync(1, "--slow-reader-timeout", "1");
        using var client = new TcpClient { ReceiveBufferSize = 4 << 10 };
        using var deadline = new CancellationTokenSource(TestServer.Deadline);
        await client.ConnectAsync("127.0.0.1", server.Http.BaseAddress!.Port, deadline.Token);
        var body = $$"""{"prompt": "import", "n": {{Choices}}, "max_tokens": {{Tokens}}, "ignore_eos": true, "stream": true}""";
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"), deadline.Token);
        using var reader = new StreamReader(client.GetStream());
        Assert.Equal("HTTP/1.1 200 OK", await reader.ReadLineAsync(deadline.Token)); // and no more
        Assert.Equal(Choices, server.FrontEnd.Outstanding);

        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (server.FrontEnd.Outstanding > 0)
            await timer.WaitForNextTickAsync(deadline.Token);
        Assert.InRange(server.FrontEnd.Released, 1, (Choices * Tokens) - 1);
        var rest = new StringBuilder();
        await Record.ExceptionAsync(async () =>
        {
            while (await reader.ReadLineAsync(deadline.Token) is { } line)
                rest.AppendLine(line);
        }); // the connection may be reset
        Assert.DoesNotContain("[DONE]", rest.ToString(), StringComparison.Ordinal);
    }
}
