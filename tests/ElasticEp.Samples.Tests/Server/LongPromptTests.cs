using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Server.Http;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Long texts are refused before they become tokens when they cannot fit, and keep nobody else waiting.</summary>
public sealed class LongPromptTests
{
    private static readonly Qwen3MoeConfig Config = Qwen3MoeConfig.Load(EmbeddedModel.Directory);
    private static readonly PromptBounds Bounds = new(TextCodec.Load(EmbeddedModel.Directory), ServedModel.Of(EmbeddedModel.Directory, Config, Qwen3Limits.Of(Config, rows: 16)));

    [Fact]
    public void A_text_is_bounded_by_what_the_longest_sequence_can_be_whatever_its_tokens_are()
    {
        var fits = new string('x', (int)Bounds.Most);
        Assert.Equal(Bounds.Most + 2, Bounds.Check(Body(fits)));
        Assert.Equal(Bounds.Most + 6, Bounds.Check(Body(new[] { fits[..^4], "abcd", "" })));
        Assert.Equal(4, Bounds.Check(Body(new[] { 11, 22 }[..1])));
        AssertTooLong(() => Bounds.Check(Body(fits + "x")), "prompt");
        AssertTooLong(() => Bounds.Check(Body(new[] { "a", fits + "x" })), "prompt");
        Assert.True(Bounds.Check(Body(Enumerable.Repeat(7, (int)Bounds.Most).ToArray())) > Bounds.Most); // numbers are counted where they are read

        var escaped = Bounds.Check(new CompletionBody { Prompt = JsonDocument.Parse($"\"{string.Concat(Enumerable.Repeat("\\u0041", (int)Bounds.Most / 2))}\"").RootElement });
        Assert.Equal((3 * Bounds.Most) + 2, escaped); // its JSON is longer than allowed, its text is not
    }

    [Fact]
    public void The_texts_of_a_conversation_are_bounded_together()
    {
        var half = new string('x', (int)Bounds.Most / 2);
        Assert.Equal((2 * (Bounds.Most / 2)) + 4, Bounds.Check(Chat(half, half)));
        AssertTooLong(() => Bounds.Check(Chat(half, half, "xx")), "messages");
        AssertTooLong(() => Bounds.Check(Chat(new[] { new { type = "text", text = half } }, half, "xx")), "messages");
        Assert.Equal(0, Bounds.Check(new ChatBody()));
    }

    [Fact]
    public async Task Short_texts_are_read_at_once_and_long_ones_on_threads_of_their_own_few_at_a_time()
    {
        using var prompts = new LongPrompts();
        var here = Environment.CurrentManagedThreadId;
        var read = prompts.ReadAsync(LongPrompts.Length - 1, () => Environment.CurrentManagedThreadId, default);
        Assert.True(read.IsCompleted);
        Assert.Equal(here, await read);

        using var gate = new ManualResetEventSlim();
        var (running, most) = (0, 0);
        var all = Enumerable.Range(0, LongPrompts.Places + 3).Select(_ => prompts.ReadAsync(LongPrompts.Length, Read, default).AsTask()).ToArray();
        using (var cancel = new CancellationTokenSource())
        {
            var gone = prompts.ReadAsync(LongPrompts.Length, () => true, cancel.Token).AsTask();
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        }

        gate.Set();
        Assert.All(await Task.WhenAll(all).WaitAsync(TestServer.Deadline), isPooled => Assert.False(isPooled));
        Assert.InRange(most, 1, LongPrompts.Places);

        bool Read()
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            gate.Wait(TestServer.Deadline);
            Interlocked.Decrement(ref running);
            return Thread.CurrentThread.IsThreadPoolThread;
        }
    }

    [Fact]
    public async Task A_text_that_is_much_too_long_is_refused_and_a_long_one_that_becomes_too_many_tokens_as_well()
    {
        await using var server = await TestServer.StartAsync(1);
        var huge = await AskAsync(new string('x', (int)Bounds.Most + 1));
        Assert.Equal((HttpStatusCode.BadRequest, "prompt"), (huge.StatusCode, await ParameterAsync(huge)));
        var tooMany = await AskAsync(string.Concat(Enumerable.Repeat("x ", LongPrompts.Length)));
        Assert.Equal((HttpStatusCode.BadRequest, "prompt"), (tooMany.StatusCode, await ParameterAsync(tooMany)));
        Assert.Equal(0, server.FrontEnd.Outstanding);

        Task<HttpResponseMessage> AskAsync(string prompt) => server.Http.PostAsJsonAsync("/v1/completions", new { prompt });
    }

    private static async Task<string?> ParameterAsync(HttpResponseMessage response)
    {
        using var body = JsonDocument.Parse(await response.Content.ReadAsStreamAsync());
        return body.RootElement.GetProperty("error").GetProperty("param").GetString();
    }

    private static void AssertTooLong(Action check, string parameter) => Assert.Equal(parameter, Assert.Throws<BadInputException>(check).Parameter);

    private static CompletionBody Body(object prompt) => new() { Prompt = JsonSerializer.SerializeToElement(prompt) };

    private static ChatBody Chat(params object[] contents) => new() { Messages = [.. contents.Select(content => new ChatMessage { Role = "user", Content = JsonSerializer.SerializeToElement(content) })] };
}
