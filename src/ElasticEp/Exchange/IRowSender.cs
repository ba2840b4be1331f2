namespace ElasticEp.Exchange;

/// <summary>Takes what an engine has ready for other members.</summary>
internal interface IRowSender
{
    /// <summary>Sends rows. All memory stays as it is until they are sent, for which the lane's call waits in any case.</summary>
    /// <param name="member">Index of the member.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="metadata">What the member has to know about them, in host memory; may be empty.</param>
    /// <param name="rows">The segments of the rows; may be empty.</param>
    void Send(int member, int count, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows);

    /// <summary>Has the lane's call wait for work of a device, also when the attempt fails: it uses the app's memory.</summary>
    /// <param name="work">Begins the work. It ends soon after its token is cancelled, and what it throws fails the attempt.</param>
    void Await(Func<CancellationToken, ValueTask> work);
}
