using System.Text.Json.Serialization.Metadata;
using ElasticEp.Samples.Server.Http;

namespace ElasticEp.Samples.Tests.Docs;

/// <summary>The table of request fields: in the document as the code has it, about every field that clients know.</summary>
public sealed class RequestFieldTableTests
{
    /// <summary>Fields of vLLM's bodies as of November 2026 (vllm/entrypoints/openai, classes CompletionRequest and ChatCompletionRequest), and older names that clients still send.</summary>
    private const string BothOfVllm = """
        model frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop stream stream_options temperature top_p user use_beam_search top_k min_p repetition_penalty
        watermarking length_penalty stop_token_ids include_stop_str_in_output ignore_eos min_tokens skip_special_tokens spaces_between_special_tokens truncate_prompt_tokens truncation_side
        allowed_token_ids prompt_logprobs logprob_token_ids bad_words echo add_special_tokens response_format structured_outputs priority request_id session_id return_tokens_as_token_ids
        return_token_ids routed_experts_prompt_start return_token_offsets return_mm_kwargs cache_salt kv_transfer_params ec_transfer_params vllm_xargs repetition_detection
        thinking_token_budget stream_interval guided_json guided_regex guided_choice guided_grammar guided_decoding_backend guided_whitespace_pattern logits_processors
        """;

    private const string CompletionsOfVllm = "prompt suffix prompt_embeds best_of";

    private const string ChatOfVllm = """
        messages top_logprobs max_completion_tokens tools tool_choice reasoning_effort include_reasoning parallel_tool_calls add_generation_prompt continue_final_message documents
        chat_template chat_template_kwargs media_io_kwargs mm_processor_kwargs return_prompt_text
        """;

    /// <summary>Fields of OpenAI's bodies as of November 2026 (npm openai 6.49.0, CompletionCreateParamsBase and ChatCompletionCreateParamsBase).</summary>
    private const string CompletionsOfOpenAI = """
        model prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop stream stream_options suffix temperature top_p user
        """;

    private const string ChatOfOpenAI = """
        messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata modalities moderation n parallel_tool_calls prediction
        presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options
        temperature tool_choice tools top_logprobs top_p user verbosity web_search_options
        """;

    [Fact]
    public void The_document_has_the_table_that_the_code_makes() => Assert.Contains($"\n{RequestFields.Table()}\n", RepositoryFiles.Read("docs/http.md"), StringComparison.Ordinal);

    [Theory]
    [InlineData(BothOfVllm, true, true)]
    [InlineData(CompletionsOfVllm, true, false)]
    [InlineData(ChatOfVllm, false, true)]
    [InlineData(CompletionsOfOpenAI, true, false)]
    [InlineData(ChatOfOpenAI, false, true)]
    public void Every_field_that_clients_know_is_in_the_table(string fields, bool isOfCompletions, bool isOfChat)
    {
        foreach (var field in fields.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            Assert.True(!isOfCompletions || RequestFields.Find(field, isChat: false) is not null, $"{field} of completions is not there");
            Assert.True(!isOfChat || RequestFields.Find(field, isChat: true) is not null, $"{field} of chats is not there");
        }
    }

    [Fact]
    public void A_field_is_there_once_for_each_endpoint_and_what_is_done_is_read_from_the_body()
    {
        foreach (var (isChat, type) in ((bool, JsonTypeInfo)[])[(false, HttpJson.Default.CompletionBody), (true, HttpJson.Default.ChatBody)])
        {
            var fields = RequestFields.All.Where(field => isChat ? field.IsOfChat : field.IsOfCompletions).ToArray();
            Assert.Distinct(fields.Select(field => field.Name));
            var read = type.Properties.Where(property => !property.IsExtensionData).Select(property => property.Name).ToHashSet(StringComparer.Ordinal);
            foreach (var field in fields)
            {
                Assert.True(field.Treatment != FieldTreatment.Done || read.Contains(field.Name), $"{field.Name} is said to be done, and not read");
                Assert.True(field.Treatment != FieldTreatment.NoEffect || !read.Contains(field.Name), $"{field.Name} is said to have no effect, and is read");
            }

            Assert.All(read, name => Assert.Contains(fields, field => field.Name == name));
        }
    }
}
