using System.Globalization;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>The rank that a caller wants its request to begin on, as vLLM's routers name it.</summary>
internal static class FirstRank
{
    public const string Header = "X-data-parallel-rank";

    /// <returns>Null when the caller names none.</returns>
    /// <exception cref="BadInputException">There is no such rank. One that leaves, or was a member and is lost, is no mistake of the caller.</exception>
    public static int? Read(HttpContext context, FrontEnd frontEnd)
    {
        if (context.Request.Headers[Header] is not { Count: > 0 } given)
            return null;
        if (!int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out var rank))
            throw new BadInputException($"{Header} must be the number of a rank.", Header);
        return frontEnd.HasKnown(rank) ? rank : throw new BadInputException($"{Header} is {rank}, and the group has not had such a rank; /elastic/view lists those that there are.", Header);
    }
}
