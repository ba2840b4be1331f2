using System.Net;
using System.Net.Sockets;
using System.Text;
using ElasticEp.Samples.Server.Http;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Whatever is asked wrongly is answered in the shape that OpenAI's clients parse, and says what to give instead.</summary>
public sealed class ErrorTests
{
    private const string Completions = "/v1/completions";
    private const string Chat = "/v1/chat/completions";

    public static TheoryData<string, string, string?, string> BadBodies { get; } = new()
    {
        { Completions, "", null, "The body is not a JSON object: line 1, byte 1." },
        { Completions, "{\n\"prompt\": oops}", null, "The body is not a JSON object: line 2, byte 11." },
        { Completions, "[1]", null, "The body is not a JSON object: line 1, byte 2." },
        { Completions, "null", null, "The body is null; give a JSON object." },
        { Completions, "{}", "prompt", "prompt must be a text or an array of token ids, or a list of either." },
        { Completions, """{"prompt": []}""", "prompt", "prompt is empty." },
        { Completions, """{"prompt": ["a", ""]}""", "prompt", "prompt is empty." },
        { Completions, """{"prompt": "\ud800"}""", "prompt", "prompt has a text that is not Unicode." },
        { Completions, """{"prompt": "a", "stop": "\udc00"}""", "stop", "stop has a text that is not Unicode." },
        { Completions, """{"prompt": "a", "stop": [1]}""", "stop", "stop must be a text or a list of texts." },
        { Completions, """{"prompt": "a", "max_tokens": "ten"}""", "max_tokens", "max_tokens must be a whole number from -2147483648 to 2147483647." },
        { Completions, """{"prompt": "a", "max_tokens": 1.5}""", "max_tokens", "max_tokens must be a whole number from -2147483648 to 2147483647." },
        { Completions, """{"prompt": "a", "stream": "yes"}""", "stream", "stream must be true or false." },
        { Completions, """{"prompt": "a", "temperature": "hot"}""", "temperature", "temperature must be a number." },
        { Completions, """{"prompt": "a", "stream_options": 5}""", "stream_options", "stream_options must be an object." },
        { Completions, """{"prompt": "a", "stop_token_ids": [2048]}""", "stop_token_ids", "stop_token_ids has 2048; the vocabulary has 2048." },
        { Completions, """{"prompt": "a", "n": 129}""", "n", "n is 129 for 1 prompts; there may be 1 to 128 choices in all." },
        { Completions, $$"""{"prompt": [{{string.Join(',', Enumerable.Repeat("\"a\"", 129))}}]}""", "n", "n is 1 for 129 prompts; there may be 1 to 128 choices in all." },
        { "/scale_elastic_ep", """{"remove_ranks": [1,1,1,1,1,1,1,1,1]}""", "remove_ranks", "remove_ranks has 9 ranks; the group has at most 8." },
        { Completions, """{"prompt": "a", "top_p": 0}""", "top_p", "top_p is 0; it must be above 0 and at most 1." },
        { Completions, """{"prompt": "a", "logprobs": 21}""", "logprobs", "logprobs is 21; it must be 0 to 20." },
        { Completions, """{"prompt": "a", "max_tokens": 0}""", "max_tokens", "max_tokens is 0; it must be at least 1, or 0 with echo, which repeats the prompt." },
        { Completions, """{"prompt": "a", "max_tokens": 1e10}""", "max_tokens", "max_tokens must be a whole number from -2147483648 to 2147483647." },
        { Completions, """{"prompt": [1.5]}""", "prompt", "prompt must be a text or an array of token ids, or a list of either." },
        { Completions, """{"prompt": "a", "logit_bias": []}""", "logit_bias", "logit_bias must be an object of token ids and numbers." },
        { Completions, """{"prompt": "a", "logit_bias": {"5": "much"}}""", "logit_bias", "logit_bias must be an object of token ids and numbers." },
        { Completions, """{"prompt": "a", "logit_bias": {"-5": 1}}""", "logit_bias", "logit_bias has `-5`, which is no token id." },
        { Completions, """{"prompt": "a", "logit_bias": {"2048": 1}}""", "logit_bias", "logit_bias has 2048; the vocabulary has 2048." },
        { Completions, """{"prompt": "a", "presence_penalty": 2.5}""", "presence_penalty", "presence_penalty is 2.5; it must be -2 to 2." },
        { Completions, """{"prompt": "a", "frequency_penalty": -3}""", "frequency_penalty", "frequency_penalty is -3; it must be -2 to 2." },
        { Completions, """{"prompt": "a", "repetition_penalty": 0}""", "repetition_penalty", "repetition_penalty is 0; it must be above 0." },
        { Completions, """{"prompt": "a", "min_tokens": 17}""", "min_tokens", "min_tokens is 17; it must be 0 to max_tokens, which is 16." },
        { Completions, """{"prompt": "a", "bad_words": "no"}""", "bad_words", "bad_words must be a list of texts." },
        { Completions, """{"prompt": "a", "bad_words": ["no", " "]}""", "bad_words", "bad_words has 2 texts; there may be 256 of 1 to 256 characters, and none of spaces alone." },
        { Completions, """{"prompt": "a", "allowed_token_ids": []}""", "allowed_token_ids", "allowed_token_ids has 0 tokens; there may be 1 to 16384." },
        { Completions, """{"prompt": "a", "allowed_token_ids": [5, 2048]}""", "allowed_token_ids", "allowed_token_ids has 2048; the vocabulary has 2048." },
        { Completions, """{"prompt": "a", "allowed_token_ids": [0], "min_tokens": 1}""", "allowed_token_ids", "allowed_token_ids has only tokens that bad_words or min_tokens do not let come." },
        { Completions, """{"prompt": "a", "truncate_prompt_tokens": 0}""", "truncate_prompt_tokens", "truncate_prompt_tokens is 0; it must be at least 1, or -1 for what fits." },
        { Completions, """{"prompt": "a", "truncation_side": "middle"}""", "truncation_side", "truncation_side is `middle`; it must be left or right." },
        { Completions, """{"prompt": "a", "stream_options": {"include_usage": true}}""", "stream_options", "stream_options needs stream = true." },
        { Completions, """{"prompt": "a", "guided_json": {}}""", "guided_json", "guided_json is not supported by this server: structured outputs are not implemented; ask for JSON in the prompt." },
        { Completions, """{"prompt": "a", "suffix": "b"}""", "suffix", "suffix is not supported by this server: the model only continues." },
        { Completions, """{"prompt": "a", "priority": 1}""", "priority", "priority is not supported by this server: requests are served by age." },
        { Chat, """{"messages": [{"role": "user", "content": "a"}], "functions": [{}]}""", "functions", "functions is not supported by this server: give tools." },
        { Chat, """{"messages": "hello"}""", "messages", "messages must be a list of messages, each with a role and content." },
        { Chat, """{"messages": []}""", "messages", "messages is empty." },
        { Chat, """{"messages": [{"role": "king", "content": "a"}]}""", "messages", "role is `king`; it must be system, developer, user, assistant or tool." },
        { Chat, """{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}""", "messages", "A part of content is not of type text; the model reads nothing else." },
        { Chat, """{"messages": [{"role": "user", "content": "a"}], "top_logprobs": 2}""", "top_logprobs", "top_logprobs needs logprobs = true." },
        { Chat, """{"messages": [{"role": "user", "content": "a"}], "tools": [{}]}""", "tools", "Each of tools must be an object of type function, whose function has a name." },
        { Chat, """{"messages": [{"role": "user", "content": "a"}], "tools": {}}""", "tools", "tools must be a list." },
        { "/tokenize", """{"prompt": 5}""", "prompt", "prompt must be a text." },
        { "/detokenize", """{"tokens": [3000000000]}""", "tokens", "tokens must be a list of whole numbers." },
        { "/scale_elastic_ep", """{"new_data_parallel_size": "4"}""", "new_data_parallel_size", "new_data_parallel_size must be a whole number from -2147483648 to 2147483647." },
    };

    [Theory]
    [InlineData(Rejection.QueueFull, 429, "rate_limit_error")]
    [InlineData(Rejection.Stopping, 503, "service_unavailable")]
    [InlineData(Rejection.QueueTime, 503, "service_unavailable")]
    public void A_request_that_is_not_taken_may_be_tried_again(Rejection reason, int status, string type)
    {
        var (code, body) = HttpErrors.Describe(new RejectedException(reason, "words"));
        Assert.Equal((status, "words", type, status), (code, body.Error.Message, body.Error.Type, body.Error.Code));
    }

    [Fact]
    public async Task A_bad_body_is_refused_by_the_name_of_its_field()
    {
        await using var server = await TestServer.StartAsync(1);
        foreach (var row in BadBodies)
        {
            var (path, body, parameter, message) = row.Data;
            var answer = await HttpAnswer.PostAsync(server.Http, path, body);
            Assert.Equal((body, HttpStatusCode.BadRequest, (message, "invalid_request_error", parameter, 400)), (body, answer.Status, answer.Error));
        }

        var bytes = await HttpAnswer.SendAsync(server.Http, HttpMethod.Post, Completions, Json([.. "{\"prompt\": \""u8, 0xFF, .. "\"}"u8]));
        Assert.Equal("prompt has a text that is not Unicode.", bytes.Error.Message);
        Assert.Equal(0, server.FrontEnd.Outstanding);
    }

    [Fact]
    public async Task What_is_not_there_or_not_possible_is_an_error_of_the_same_shape()
    {
        await using var server = await TestServer.StartAsync(1);
        var missing = await HttpAnswer.SendAsync(server.Http, HttpMethod.Get, "/v2/models");
        Assert.Equal((HttpStatusCode.NotFound, ("There is nothing at /v2/models.", "not_found_error", null, 404)), (missing.Status, missing.Error));

        var model = await HttpAnswer.PostAsync(server.Http, Completions, """{"prompt": "a", "model": "gpt-4"}""");
        Assert.Equal((HttpStatusCode.NotFound, ("The model `gpt-4` does not exist; this server has `tiny-qwen3-moe`.", "not_found_error", "model", 404)), (model.Status, model.Error));

        var method = await HttpAnswer.SendAsync(server.Http, HttpMethod.Get, Completions);
        Assert.Equal((HttpStatusCode.MethodNotAllowed, ("GET is not possible at /v1/completions.", "invalid_request_error", null, 405)), (method.Status, method.Error));
        Assert.Equal("POST", method.Headers["Allow"]);

        var type = await HttpAnswer.SendAsync(server.Http, HttpMethod.Post, Completions, new StringContent("""{"prompt": "a"}""", Encoding.UTF8, "text/plain"));
        Assert.Equal((HttpStatusCode.UnsupportedMediaType, ("The content type must be application/json.", "invalid_request_error", null, 415)), (type.Status, type.Error));
    }

    [Fact]
    public async Task A_huge_body_is_refused_before_it_is_sent()
    {
        await using var server = await TestServer.StartAsync(1);
        using var client = new TcpClient();
        using var deadline = new CancellationTokenSource(TestServer.Deadline);
        await client.ConnectAsync("127.0.0.1", server.Http.BaseAddress!.Port, deadline.Token);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST {Completions} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {(4 << 20) + 1}\r\n\r\n"), deadline.Token);
        using var reader = new StreamReader(stream);
        Assert.Equal("HTTP/1.1 413 Payload Too Large", await reader.ReadLineAsync(deadline.Token));
        var answer = "";
        while (!answer.Contains("}}", StringComparison.Ordinal))
            answer = Assert.IsType<string>(await reader.ReadLineAsync(deadline.Token));
        Assert.Equal("""{"error":{"message":"The body is larger than 4194304 bytes.","type":"invalid_request_error","param":null,"code":413}}""", answer);
    }

    [Fact]
    public async Task A_request_id_is_returned_also_with_an_error_and_made_up_when_there_is_none_to_use()
    {
        await using var server = await TestServer.StartAsync(1);
        Assert.Equal("mine-1", await IdAsync("mine-1"));
        Assert.Matches("^[0-9a-f]{32}$", await IdAsync(new string('x', 129)));
        Assert.Matches("^[0-9a-f]{32}$", await IdAsync("two words"));
        Assert.NotEqual(await IdAsync(""), await IdAsync(""));

        async Task<string> IdAsync(string id) => (await HttpAnswer.SendAsync(server.Http, HttpMethod.Get, "/nothing", null, ("x-request-id", id))).Headers["x-request-id"];
    }

    private static ByteArrayContent Json(byte[] body) => new(body) { Headers = { ContentType = new("application/json") } };
}
