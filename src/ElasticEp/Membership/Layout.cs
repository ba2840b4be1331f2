using System.Globalization;
using ElasticEp.Transport;

namespace ElasticEp.Membership;

/// <summary>What two peers must agree on before they exchange a frame.</summary>
internal static class Layout
{
    public static string Describe(ElasticEpOptions options) => string.Create(
        CultureInfo.InvariantCulture,
        $"frames={FrameHeader.CurrentVersion};rows={options.Model.RowType};hidden={options.Model.HiddenSize};topk={options.Model.TopK};experts={options.Model.Experts};layers={options.Model.MoeLayers};tokens={options.MaxTokensPerRank};ranks={options.MaxRanks};lanes={options.Lanes};combine={options.CombineMode};lost={options.LostExperts}");
}
