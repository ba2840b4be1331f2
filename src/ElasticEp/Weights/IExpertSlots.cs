namespace ElasticEp.Weights;

/// <summary>The weights in the slots of this rank under the view in use.</summary>
internal interface IExpertSlots
{
    /// <summary>The weights of the expert in a slot; missing while they are loaded again.</summary>
    ExpertWeights Get(int layer, int slot);
}
