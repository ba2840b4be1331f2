using ElasticEp;

/// <summary>What gateway and workers must say alike.</summary>
internal static class Group
{
    /// <summary>Most questions that a rank answers in one step.</summary>
    public const int MaxQuestions = 16;

    public static void Configure(ElasticEpOptions options)
    {
        options.Model = new MoeModelShape { MoeLayers = 1, Experts = ToyModel.Experts, TopK = ToyModel.TopK, HiddenSize = ToyModel.Hidden, RowType = ElementType.Float32 };
        options.MaxTokensPerRank = MaxQuestions;
        options.SlotsPerRank = ToyModel.Experts; // any number of ranks, one too, can hold the model
        options.InitialRanks = 1;
    }

    public static void ConfigureWorker(IHostApplicationBuilder builder)
    {
        builder.Services.AddElasticExpertParallel(Configure)
            .UseTcpTransport()
            .UseWorkload<ToyModel>();
        builder.Services.AddHostedService<ServingLoop>();
    }
}
