using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server.Http;

namespace ElasticEp.Samples.Tests.Chat;

/// <summary>Thoughts and calls are found in an answer, the same however it is cut.</summary>
public sealed class ChatOutputTests
{
    private const string Call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>";

    public static TheoryData<ChatThinking, int, string, string, string, string[]> Answers { get; } = new()
    {
        { ChatThinking.None, 0, "", "", "", [] },
        { ChatThinking.None, 0, $"<think>a</think> {Call}\n", "", $"<think>a</think> {Call}\n", [] },
        { ChatThinking.Optional, 0, "<think>\n\nwhy\nnot\n</think>\n\nan answer\n", "why\nnot", "an answer\n", [] },
        { ChatThinking.Optional, 0, " \n<think>why</think>said", "why", "said", [] },
        { ChatThinking.Optional, 0, "<think>\n\n</think>\n\nsaid", "", "said", [] },
        { ChatThinking.Optional, 0, "\n said <think>this</think>", "", "\n said <think>this</think>", [] },
        { ChatThinking.Optional, 0, "<thin", "", "<thin", [] },
        { ChatThinking.Optional, 0, "<think>cut off </thin", "cut off </thin", "", [] },
        { ChatThinking.Optional, 0, "<think>a </ b </think </think>c</think>d", "a </ b </think ", "c</think>d", [] },
        { ChatThinking.Always, 0, "why\n</think>\n\nsaid", "why", "said", [] },
        { ChatThinking.Always, 0, "\n<think>\nwhy</think>said", "why", "said", [] },
        { ChatThinking.Always, 0, "cut off\n\n", "cut off", "", [] },
        { ChatThinking.Always, 9, $"{Call}</think>{Call}", Call, "", ["f({\"x\": 1})"] },
        { ChatThinking.None, 9, Call, "", "", ["f({\"x\": 1})"] },
        { ChatThinking.None, 9, $"Let me look. \n\n{Call}\n{Call}\n", "", "Let me look.", ["f({\"x\": 1})", "f({\"x\": 1})"] },
        { ChatThinking.None, 1, $"{Call}{Call} done", "", "done", ["f({\"x\": 1})"] },
        { ChatThinking.None, 9, $"a {Call} b ", "", "a b ", ["f({\"x\": 1})"] },
        { ChatThinking.None, 9, $"a\n{Call}{Call}\n\nb", "", "a\nb", ["f({\"x\": 1})", "f({\"x\": 1})"] },
        { ChatThinking.Optional, 9, $"<think>t</think>\n\n{Call}", "t", "", ["f({\"x\": 1})"] },
        { ChatThinking.None, 9, "<tool_call>{\"arguments\":{},\"name\":\"g\"}", "", "", ["g({})"] },
        { ChatThinking.None, 9, "<tool_call>{\"name\":\"g\",\"arguments\":{}} </tool_", "", "", ["g({})"] },
        { ChatThinking.None, 9, "<tool_call> {\"name\": \"g\", \"arguments\": {\"a\": \"</tool_call> } \\\" { é\", \"b\": [{}]}} </tool_call>", "", "", ["g({\"a\": \"</tool_call> } \\\" { é\", \"b\": [{}]})"] },

        // what does not parse stays content
        { ChatThinking.None, 9, "say <tool_call> like this", "", "say <tool_call> like this", [] },
        { ChatThinking.None, 9, "a\n<tool_call>", "", "a\n<tool_call>", [] },
        { ChatThinking.None, 9, "a\n<tool_call>\n{\"name\": \"f\", \"arg", "", "a\n<tool_call>\n{\"name\": \"f\", \"arg", [] },
        { ChatThinking.None, 9, "<tool_call>{\"name\": \"f\"}</tool_call>", "", "<tool_call>{\"name\": \"f\"}</tool_call>", [] },
        { ChatThinking.None, 9, "<tool_call>{\"name\": 1, \"arguments\": {}}</tool_call>", "", "<tool_call>{\"name\": 1, \"arguments\": {}}</tool_call>", [] },
        { ChatThinking.None, 9, "<tool_call>{\"name\": \"f\", \"arguments\": \"x\"}</tool_call>", "", "<tool_call>{\"name\": \"f\", \"arguments\": \"x\"}</tool_call>", [] },
        { ChatThinking.None, 9, "<tool_call>{\"name\": \"f\", \"arguments\": {}}}</tool_call>", "", "<tool_call>{\"name\": \"f\", \"arguments\": {}}}</tool_call>", [] },
        { ChatThinking.None, 9, "<tool_call>{'name': 'f'}</tool_call>", "", "<tool_call>{'name': 'f'}</tool_call>", [] },
        { ChatThinking.None, 9, $"<tool_call>{Call}", "", "<tool_call>", ["f({\"x\": 1})"] },
        { ChatThinking.None, 9, $"<tool_call>{{\"a\"</tool_call> {Call} b", "", "<tool_call>{\"a\"</tool_call> b", ["f({\"x\": 1})"] },
        { ChatThinking.None, 9, "1 < 2 <tool 3 <tool_calls> ", "", "1 < 2 <tool 3 <tool_calls> ", [] },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void An_answer_is_parted_the_same_however_it_is_cut(ChatThinking thinking, int maxCalls, string text, string reasoning, string content, string[] calls)
    {
        var reading = new ChatReading(thinking, maxCalls);
        AssertParts(new ChatOutput(reading).Add(text, isLast: true), "whole");
        for (var at = 0; at <= text.Length; at++)
            AssertParts(Parts(reading, [text[..at], text[at..]]), $"cut at {at}");
        AssertParts(Parts(reading, [.. text.Select(letter => $"{letter}")]), "letter by letter");
        var random = new Random(7);
        for (var round = 0; round < 50; round++)
        {
            var cuts = Enumerable.Range(0, 6).Select(_ => random.Next(text.Length + 1)).Append(0).Append(text.Length).Order().ToArray();
            AssertParts(Parts(reading, [.. cuts.Zip(cuts[1..], (from, to) => text[from..to])]), $"cut at {string.Join(", ", cuts)}");
        }

        void AssertParts(ChatDelta delta, string how)
        {
            Assert.Equal((how, reasoning, content), (how, delta.Reasoning, delta.Content));
            Assert.Equal(calls, delta.Calls.Select(call => $"{call.Name}({call.Arguments})"));
            Assert.Distinct(delta.Calls.Select(call => call.Id));
        }
    }

    [Fact]
    public void What_can_be_told_is_told_at_once()
    {
        var output = new ChatOutput(new ChatReading(ChatThinking.Optional, 9));
        Assert.Equal(("", ""), Tell("<think>"));
        Assert.Equal(("because", ""), Tell("\nbecause"));
        Assert.Equal(("", ""), Tell("\n"));
        Assert.Equal(("\nso", ""), Tell("so</"));
        Assert.Equal(("</ and", ""), Tell(" and"));
        Assert.Equal(("", "Yes,"), Tell("</think>\n\nYes, "));
        Assert.Equal(("", " no <"), Tell("no < "));
        Assert.Equal(0, output.Calls);

        (string Reasoning, string Content) Tell(string text)
        {
            var delta = output.Add(text, isLast: false);
            return (delta.Reasoning, delta.Content);
        }
    }

    private static ChatDelta Parts(ChatReading reading, string[] pieces)
    {
        var output = new ChatOutput(reading);
        var deltas = pieces.Select(piece => output.Add(piece, isLast: false)).ToList();
        deltas.Add(output.Add("", isLast: true));
        return new ChatDelta(string.Concat(deltas.Select(delta => delta.Reasoning)), string.Concat(deltas.Select(delta => delta.Content)), [.. deltas.SelectMany(delta => delta.Calls)]);
    }
}
