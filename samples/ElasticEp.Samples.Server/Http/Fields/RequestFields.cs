using System.Text;
using System.Text.Json;

namespace ElasticEp.Samples.Server.Http;

/// <summary>
/// Every field of OpenAI's and vLLM's bodies, and what becomes of it here. The readers refuse by it; the table of docs/http.md is made of it. A field that
/// is not here is ignored, as by vLLM.
/// </summary>
internal static class RequestFields
{
    private const string Structured = "structured outputs are not implemented; ask for JSON in the prompt";
    private const string TextOnly = "the model reads and writes text only";
    private const string NoTransfer = "there is no transfer of caches between servers";

    public static IReadOnlyList<RequestField> All { get; } =
    [
        // what to continue
        Done("model", "the served model's name, or nothing"),
        Done("prompt", "a text, token ids, or a list of either") with { IsOfChat = false },
        Done("messages", "of roles system, developer, user, assistant, tool; content as text or parts of type text") with { IsOfCompletions = false },
        Chat(Done("tools", "of type function; the model sees them as they are written")),
        Chat(Done("tool_choice", "`auto` or `none`; nothing makes a model call a tool")),
        Chat(Done("parallel_tool_calls", "false: only the first call of an answer is given out")),
        Chat(Done("chat_template_kwargs", "`enable_thinking`; others have no effect, as in templates that do not know them")),
        Done("truncate_prompt_tokens", "only so many tokens of the prompt; −1 is what fits beside `max_tokens`"),
        Done("truncation_side", "`left` (the default) keeps the last ones, `right` the first"),
        Done("echo", "the text begins with its prompt, as given; with `logprobs` its tokens too, and with `max_tokens` 0 there is nothing else") with { IsOfChat = false },

        // how long
        Done("max_tokens", "16 for completions, what fits for chats; 0 with `echo` alone"),
        Done("max_completion_tokens", "the same, and comes first") with { IsOfCompletions = false },
        Done("min_tokens", "no end of text, stop token or stop text before"),
        Done("stop", "up to 16 texts; the one that is complete first ends the choice"),
        Done("stop_token_ids", "up to 1024"),
        Done("ignore_eos", "the model does not end the text"),
        Done("include_stop_str_in_output", "what has ended the text is part of it"),
        Done("skip_special_tokens", "true by default: special tokens are not part of the text"),

        // how tokens are drawn
        Done("n", "choices for each prompt, up to 128 in all; each has a seed of its own"),
        Done("seed", "the given one plus the choice's number"),
        Done("temperature", "0 to 2; 0 takes the best token"),
        Done("top_p", "above 0, up to 1"),
        Done("top_k", "0 or −1 for all"),
        Done("min_p", "0 to 1"),
        Done("presence_penalty", "−2 to 2; of tokens that were generated"),
        Done("frequency_penalty", "−2 to 2; as often as they were generated"),
        Done("repetition_penalty", "above 0; of tokens of the prompt, too"),
        Done("logit_bias", "up to 1024 tokens, each cut to −100 to 100"),
        Done("allowed_token_ids", "up to 16384"),
        Done("bad_words", "up to 256 texts, at the beginning of a word and within"),

        // how to answer
        Done("stream", "server-sent events; a chunk for each token"),
        Done("stream_options", "`include_usage`, `continuous_usage_stats`; with `stream` alone"),
        Done("logprobs", "completions: how many of the best tokens, up to 20; chats: true"),
        Done("top_logprobs", "up to 20, with `logprobs`") with { IsOfCompletions = false },
        Done("prompt_logprobs", "up to 20; with `stream` refused"),
        Done("return_tokens_as_token_ids", "tokens in log probabilities are written `token_id:…`"),
        Done("return_token_ids", "`token_ids` and `prompt_token_ids`"),
        Done("response_format", "of type `text` alone; " + Structured),
        Done("best_of", "if it is `n`") with { IsOfChat = false },

        // no effect here
        Harmless("user", "nobody is asked who it is"),
        Harmless("safety_identifier", "the same") with { IsOfCompletions = false },
        Harmless("metadata", "nothing is stored") with { IsOfCompletions = false },
        Harmless("store", "nothing is stored") with { IsOfCompletions = false },
        Harmless("service_tier", "there is one"),
        Harmless("prompt_cache_key", "requests share no cache"),
        Harmless("prompt_cache_options", "the same") with { IsOfCompletions = false },
        Harmless("prompt_cache_retention", "the same") with { IsOfCompletions = false },
        Harmless("cache_salt", "the same"),
        Harmless("prediction", "it would only be faster") with { IsOfCompletions = false },
        Harmless("request_id", "the header `x-request-id` names a request"),
        Harmless("session_id", "requests of a session share nothing"),
        Harmless("length_penalty", "of beam search alone"),
        Harmless("add_special_tokens", "the tokenizer adds none"),
        Harmless("spaces_between_special_tokens", "tokens have their spaces in themselves"),
        Harmless("media_io_kwargs", "of images alone") with { IsOfCompletions = false },
        Harmless("mm_processor_kwargs", "of images alone") with { IsOfCompletions = false },
        Harmless("return_mm_kwargs", "of vLLM's rendering alone"),
        Harmless("return_token_offsets", "of vLLM's rendering alone"),

        // not done
        Refused("suffix", "the model only continues", "\"\"") with { IsOfChat = false },
        Refused("prompt_embeds", "give a text or token ids") with { IsOfChat = false },
        Refused("use_beam_search", "tokens are drawn one after another; give n", "false"),
        Refused("watermarking", "texts are not marked", "false"),
        Refused("logprob_token_ids", "log probabilities are those of the best tokens; give logprobs"),
        Refused("structured_outputs", Structured),
        Refused("guided_json", Structured),
        Refused("guided_regex", Structured),
        Refused("guided_choice", Structured),
        Refused("guided_grammar", Structured),
        Refused("guided_decoding_backend", Structured),
        Refused("guided_whitespace_pattern", Structured),
        Refused("logits_processors", "give logit_bias, allowed_token_ids or bad_words", "[]"),
        Refused("priority", "requests are served by age", "0"),
        Refused("repetition_detection", "give a penalty, or stop"),
        Refused("thinking_token_budget", "give max_tokens", "-1"),
        Refused("stream_interval", "there is a chunk for each token", "1"),
        Refused("routed_experts_prompt_start", "chosen experts are not told", "0"),
        Refused("kv_transfer_params", NoTransfer, "{}"),
        Refused("ec_transfer_params", NoTransfer, "{}"),
        Refused("vllm_xargs", "there are no extensions", "{}"),
        Chat(Refused("functions", "give tools", "[]")),
        Chat(Refused("function_call", "give tool_choice", "\"auto\"", "\"none\"")),
        Chat(Refused("reasoning_effort", "the model has no levels of it")),
        Chat(Refused("include_reasoning", "what the model thinks comes as `reasoning`, always", "true")),
        Chat(Refused("verbosity", "say in the prompt how long the answer is to be", "\"medium\"")),
        Chat(Refused("echo", "the answer begins after the messages", "false")),
        Chat(Refused("add_generation_prompt", "the assistant's turn always begins", "true")),
        Chat(Refused("continue_final_message", "use /v1/completions", "false")),
        Chat(Refused("documents", "put them into messages", "[]")),
        Chat(Refused("chat_template", "conversations are written in the form that the model was taught")),
        Chat(Refused("return_prompt_text", "give return_token_ids", "false")),
        Chat(Refused("modalities", TextOnly, "[\"text\"]")),
        Chat(Refused("audio", TextOnly)),
        Chat(Refused("web_search_options", "the server searches nothing")),
        Chat(Refused("moderation", "texts are not judged")),
    ];

    /// <summary>Refuses fields that a body has no property for and that would change the answer.</summary>
    /// <param name="others">Fields without a property.</param>
    /// <param name="isChat">Of which endpoint.</param>
    /// <exception cref="BadInputException">The first of them.</exception>
    public static void CheckOthers(Dictionary<string, JsonElement>? others, bool isChat)
    {
        if (others is null)
            return;
        foreach (var (name, value) in others)
        {
            if (Find(name, isChat) is { Treatment: FieldTreatment.Refused } field && !field.IsNeutral(value))
                throw new BadInputException($"{name} is not supported by this server: {field.Words}.", name);
        }
    }

    /// <summary>The field of an endpoint; null for one that is ignored.</summary>
    public static RequestField? Find(string name, bool isChat) => All.FirstOrDefault(field => field.Name == name && (isChat ? field.IsOfChat : field.IsOfCompletions));

    /// <summary>The table of docs/http.md.</summary>
    public static string Table()
    {
        var table = new StringBuilder("| field | of | | |\n|---|---|---|---|\n");
        foreach (var field in All)
        {
            var of = field is { IsOfChat: true, IsOfCompletions: true } ? "both" : field.IsOfChat ? "chat" : "completions";
            var treatment = field.Treatment switch
            {
                FieldTreatment.Done => "done",
                FieldTreatment.NoEffect => "no effect",
                _ => field.Neutral.Length == 0 ? "refused" : $"refused, but for {string.Join(", ", field.Neutral.Select(static value => $"`{value}`"))}",
            };
            table.Append("| `").Append(field.Name).Append("` | ").Append(of).Append(" | ").Append(treatment).Append(" | ").Append(field.Words).Append(" |\n");
        }

        return table.ToString();
    }

    private static RequestField Done(string name, string words) => new(name, FieldTreatment.Done, words);

    private static RequestField Harmless(string name, string words) => new(name, FieldTreatment.NoEffect, words);

    private static RequestField Refused(string name, string words, params string[] neutral) => new(name, FieldTreatment.Refused, words, neutral);

    private static RequestField Chat(RequestField field) => field with { IsOfCompletions = false };
}
