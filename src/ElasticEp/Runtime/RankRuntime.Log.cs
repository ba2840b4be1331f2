using ElasticEp.Events;
using ElasticEp.Transport;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>What operators read of what a rank does.</summary>
internal sealed partial class RankRuntime
{
    [LoggerMessage(1033, LogLevel.Information, "Group {Group}: {Member} uses {View}")]
    private partial void LogView(string group, MemberId member, GroupView view);

    [LoggerMessage(1040, LogLevel.Warning, "Group {Group}: {Member} loads experts of {View} from the workload's source, because their last copies were lost")]
    private partial void LogReloading(string group, MemberId member, GroupView view);

    [LoggerMessage(1039, LogLevel.Error, "Group {Group}: {Member} could not load the experts that {View} gives it from the workload's source: {Reason}. The group waits, and it is tried again until it succeeds")]
    private partial void LogNotReloaded(string group, MemberId member, GroupView view, string reason);

    [LoggerMessage(1042, LogLevel.Error, "Group {Group}: {Member} gets no further with loading the experts that {View} gives it: {Reason}. Look at the workload's source, and let LoadExpertAsync observe its token")]
    private partial void LogReloadStuck(string group, MemberId member, GroupView view, string reason);

    [LoggerMessage(1036, LogLevel.Information, "Group {Group}: {Member} coordinates and knows no load yet; experts are placed as if all were equally hot")]
    private partial void LogLoadUnknown(string group, MemberId member);

    [LoggerMessage(1037, LogLevel.Error, "Group {Group}: {Member} cuts the link to {Peer} ({Reason}): {Detail}")]
    private partial void LogAborted(string group, MemberId member, MemberId peer, DisconnectReason reason, string detail);

    [LoggerMessage(1038, LogLevel.Warning, "Group {Group}: {Member} takes {Peer} for lost ({Reason}): {Detail}")]
    private partial void LogLost(string group, MemberId member, MemberId peer, LossReason reason, string detail);

    [LoggerMessage(1041, LogLevel.Information, "Group {Group}: {Member} has led the recovery to {View}: {Stop:0} ms until all had stopped (losses were found after {Detect:0} ms), {Write:0} ms to write it, {Start:0} ms until its first step was complete")]
    private partial void LogRecovered(string group, MemberId member, GroupView view, double detect, double stop, double write, double start);

    [LoggerMessage(1034, LogLevel.Critical, "Group {Group}: {Member} has failed and takes no further part")]
    private partial void LogFailed(Exception exception, string group, MemberId member);

    [LoggerMessage(1060, LogLevel.Warning, "Group {Group}: what {Member} saw and did last is in {File}. Keep it: whoever looks into the matter can replay it, see \"Dumps\" in docs/contributing.md")]
    private partial void LogDumped(string group, MemberId member, string file);

    [LoggerMessage(1061, LogLevel.Warning, "Group {Group}: what {Member} saw and did last could not be written to {Directory}: {Reason}. Set DumpDirectory to a directory that it may write to")]
    private partial void LogNotDumped(string group, MemberId member, string directory, string reason);

    [LoggerMessage(1032, LogLevel.Debug, "Group {Group}: {Member} could not send to {Peer}: {Reason}")]
    private partial void LogNotSent(string group, MemberId member, MemberId peer, string reason);

    [LoggerMessage(1030, LogLevel.Information, "Group {Group}: {Member} is registered at {Address}")]
    private partial void LogRegistered(string group, MemberId member, string address);

    [LoggerMessage(1035, LogLevel.Error, "Group {Group}: the step delegate of {Member} did not return within {Deadline} after dispose; its memory is not freed. Let the delegate observe its token")]
    private partial void LogDelegateStuck(string group, MemberId member, TimeSpan deadline);
}
