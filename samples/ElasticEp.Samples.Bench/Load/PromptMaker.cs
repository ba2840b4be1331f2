using ElasticEp.Samples.Bench.Http;
using ElasticEp.Samples.Bench.Options;

namespace ElasticEp.Samples.Bench.Load;

/// <summary>Makes the prompts of a run, asking the server for what only it knows: its vocabulary, its tokenizer.</summary>
internal sealed class PromptMaker(ServeOptions options, BenchServer server, ModelInfo model)
{
    /// <exception cref="BenchException">They cannot be made.</exception>
    /// <exception cref="HttpRequestException">The server does not answer.</exception>
    public async Task<BenchPrompt[]> CreateAsync(Random random, CancellationToken cancellationToken)
    {
        if (options.Dataset == DatasetKind.Random)
        {
            var vocabulary = options.VocabularySize ?? model.VocabularySize ?? await server.FindVocabularySizeAsync(model.Id, cancellationToken);
            return RandomPrompts.Create(options.Prompts, options.InputLength, vocabulary, random);
        }

        var texts = TextLibrary.Load(options.DatasetPath);
        var tokens = new List<int[]>();
        foreach (var text in texts)
        {
            if (await server.TokenizeAsync(model.Id, text, cancellationToken) is not { Length: > 0 } ids)
                return TextPrompts.FromCharacters(options.Prompts, options.InputLength, texts, random);
            tokens.Add(ids);
        }

        return TextPrompts.FromTokens(options.Prompts, options.InputLength, tokens, random);
    }
}
