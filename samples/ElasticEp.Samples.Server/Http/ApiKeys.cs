using System.Security.Cryptography;
using System.Text;

namespace ElasticEp.Samples.Server.Http;

/// <summary>The keys that callers must have one of; without any, everybody may call. Only their hashes are kept.</summary>
internal sealed class ApiKeys
{
    /// <summary>The option that gives keys.</summary>
    public const string Option = "api-key";

    /// <summary>The environment variable that gives keys, which other users of the machine cannot read.</summary>
    public const string Variable = "ELASTICEP_API_KEY";

    private readonly byte[][] _hashes;

    private ApiKeys(IEnumerable<string> keys) => _hashes = [.. keys.Select(Hash)];

    public bool AreRequired => _hashes.Length > 0;

    /// <exception cref="ArgumentException">One is given that cannot be a key. The message does not have it.</exception>
    public static ApiKeys Read(IConfiguration configuration) => new([.. Keys($"--{Option}", configuration[Option]), .. Keys(Variable, configuration[Variable])]);

    /// <summary>Whether it is one of the keys. Hashes have one length and all are compared to their ends, so that the time it takes tells nothing.</summary>
    public bool Accept(string key)
    {
        var given = Hash(key);
        var isKnown = false;
        foreach (var hash in _hashes)
            isKnown |= CryptographicOperations.FixedTimeEquals(given, hash);
        return isKnown;
    }

    private static string[] Keys(string name, string? text)
    {
        if (text is null)
            return [];
        var keys = text.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (keys.Length == 0)
            throw new ArgumentException($"{name} is there and has no key; give one, or several with ;, or leave it out."); // the variable that it was to come from may be unset
        return keys.All(key => key.All(letter => letter is > ' ' and <= '~'))
            ? keys
            : throw new ArgumentException($"{name} has a key with a letter that no header can carry; use printable ASCII without spaces.");
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
