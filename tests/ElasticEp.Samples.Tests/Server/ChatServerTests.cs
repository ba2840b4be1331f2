using System.Net;
using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Conversations over HTTP: what becomes of thoughts, tools, calls and results on their way to a prompt.</summary>
public sealed class ChatServerTests
{
    private const string Chat = "/v1/chat/completions";

    [Fact]
    public async Task Thoughts_are_switched_off_as_the_template_does_it()
    {
        await using var server = await TestServer.StartAsync(1, "--chat-template-kind", "qwen3");
        const string Start = "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n";
        Assert.Equal(Start, await PromptAsync(server, """{"messages": [{"role": "user", "content": "Hello"}]}"""));
        Assert.Equal(Start, await PromptAsync(server, """{"messages": [{"role": "user", "content": "Hello"}], "chat_template_kwargs": {"enable_thinking": true}}"""));
        Assert.Equal($"{Start}<think>\n\n</think>\n\n", await PromptAsync(server, """{"messages": [{"role": "user", "content": "Hello"}], "chat_template_kwargs": {"enable_thinking": false}}"""));
    }

    [Fact]
    public async Task A_call_without_content_and_its_result_are_in_the_prompt()
    {
        await using var server = await TestServer.StartAsync(1);
        var prompt = await PromptAsync(server, """
            {
                "messages": [
                    {"role": "user", "content": "Weather?"},
                    {"role": "assistant", "reasoning_content": "unseen", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Paris\"}"}}]},
                    {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "21 degrees"}]}
                ],
                "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
            }
            """);
        Assert.Contains("""<tools>%{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}%</tools>""".Replace('%', '\n'), prompt, StringComparison.Ordinal);
        Assert.EndsWith("""
            <|im_start|>user
            Weather?<|im_end|>
            <|im_start|>assistant
            <tool_call>
            {"name": "get_weather", "arguments": {"city": "Paris"}}
            </tool_call><|im_end|>
            <|im_start|>user
            <tool_response>
            21 degrees
            </tool_response><|im_end|>
            <|im_start|>assistant

            """.ReplaceLineEndings("\n"), prompt, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"messages": [{"role": "user"}]}""", "messages", "content must be a text or a list of parts of type text.")]
    [InlineData("""{"messages": [{"role": "assistant", "tool_calls": [{}]}]}""", "messages", "Each of tool_calls must have a function with a name.")]
    [InlineData("""{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[1]"}}]}]}""", "messages", "The arguments of `f` in tool_calls are not a JSON object.")]
    [InlineData("""{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]}""", "messages", "The arguments of `f` in tool_calls are not a JSON object.")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}], "tools": [{}]}""", "tools", "Each of tools must be an object of type function, whose function has a name.")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}], "tools": [{"type": "function", "function": {"name": "f", "description": "\ud800"}}]}""", "tools", "tools has a text that is not Unicode.")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}], "tool_choice": "required"}""", "tool_choice", "tool_choice required is not supported by this server: nothing makes the model call a tool; give auto or none.")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}], "tool_choice": {"type": "function", "function": {"name": "f"}}}""", "tool_choice", "tool_choice with a function is not supported by this server: nothing makes the model call a tool; give auto or none.")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}], "tool_choice": "any"}""", "tool_choice", "tool_choice must be auto or none.")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}], "chat_template_kwargs": {"enable_thinking": "no"}}""", "chat_template_kwargs", "chat_template_kwargs.enable_thinking must be true or false.")]
    public async Task What_is_wrong_with_a_conversation_is_named(string body, string parameter, string message)
    {
        await using var server = await TestServer.StartAsync(1);
        var answer = await HttpAnswer.PostAsync(server.Http, Chat, body);
        Assert.Equal((HttpStatusCode.BadRequest, (message, "invalid_request_error", parameter, 400)), (answer.Status, answer.Error));
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("none")]
    public async Task Tools_may_be_left_to_the_model_or_not_called(string choice)
    {
        await using var server = await TestServer.StartAsync(1);
        var answer = await HttpAnswer.PostAsync(server.Http, Chat, $$$"""{"messages": [{"role": "user", "content": "a"}], "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "{{{choice}}}", "max_tokens": 4, "ignore_eos": true}""");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal("length", answer.Body.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    private static async Task<string> PromptAsync(TestServer server, string body)
    {
        var tokens = await HttpAnswer.PostAsync(server.Http, "/tokenize", body);
        Assert.True(tokens.Status == HttpStatusCode.OK, tokens.Body.GetRawText());
        var request = body.TrimEnd()[..^1] + ", \"max_tokens\": 1, \"return_token_ids\": true}";
        var answer = await HttpAnswer.PostAsync(server.Http, Chat, request);
        Assert.True(answer.Status == HttpStatusCode.OK, answer.Body.GetRawText());
        var ids = Ids(answer.Body.GetProperty("choices")[0].GetProperty("prompt_token_ids"));
        Assert.Equal(ids, Ids(tokens.Body.GetProperty("tokens")));
        return TextCodec.Load(EmbeddedModel.Directory).Decode(ids);
    }

    private static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt32())];
}
