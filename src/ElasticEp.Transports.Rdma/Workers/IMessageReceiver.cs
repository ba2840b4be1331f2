using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>Gets the messages that carry its token. All calls come from its worker's thread.</summary>
internal interface IMessageReceiver
{
    /// <summary>
    /// A message is here. UCX is in the middle of its progress: nothing may be sent, and nobody called who is not of this transport. An
    /// exception ends the receiver's connection.
    /// </summary>
    /// <returns>
    /// <see cref="UcxStatus.InProgress"/> when the data was kept, or is being received; otherwise it is gone.
    /// </returns>
    UcxStatus OnMessage(in ReceivedMessage message);

    /// <summary>After the progress in which it asked for that: handles what has come.</summary>
    void Pump();

    /// <summary>The worker ends: no call of UCX may be made after this one, in which its endpoint is closed.</summary>
    void OnWorkerFailed(Exception failure);

    /// <summary>Something it was called for has failed in a way that nobody has foreseen.</summary>
    void OnFault(Exception exception);
}
