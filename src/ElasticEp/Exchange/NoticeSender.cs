namespace ElasticEp.Exchange;

/// <summary>Sends what engines tell each other.</summary>
/// <param name="member">To whose engine.</param>
/// <param name="notice">Host memory of <see cref="IExchangeEngine.NoticeBytes"/> bytes.</param>
/// <param name="cancellationToken">Ends the wait.</param>
internal delegate ValueTask NoticeSender(MemberId member, EpBuffer notice, CancellationToken cancellationToken);
