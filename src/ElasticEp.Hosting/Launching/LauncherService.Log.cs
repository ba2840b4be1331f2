using Microsoft.Extensions.Logging;

namespace ElasticEp.Hosting.Launching;

/// <summary>What operators read of it.</summary>
internal sealed partial class LauncherService
{
    private void Log(LaunchEffect effect)
    {
        switch (effect)
        {
            case LaunchEffect.Adopted adopted:
                LogAdopted(name, adopted.Rank, adopted.Operation);
                break;
            case LaunchEffect.NotStarted { Delay: { } delay } failed:
                LogStartFailed(name, failed.Rank, failed.Reason, delay);
                break;
            case LaunchEffect.NotStarted failed:
                LogJoinerFailed(name, failed.Rank, failed.Reason);
                break;
            case LaunchEffect.EndsSoon soon:
                LogEndsSoon(name, soon.Rank, soon.Delay);
                break;
            case LaunchEffect.Ended ended:
                LogEnded(name, ended.Rank);
                break;
        }
    }

    [LoggerMessage(2010, LogLevel.Information, "Group {Group}: starting rank {Rank} for operation {Operation}")]
    private partial void LogLaunching(string group, int rank, string operation);

    [LoggerMessage(2011, LogLevel.Information, "Group {Group}: rank {Rank} has ended")]
    private partial void LogEnded(string group, int rank);

    [LoggerMessage(2012, LogLevel.Error, "Group {Group}: rank {Rank} could not be ended, and its process may run on; end it by hand")]
    private partial void LogNotStopped(Exception exception, string group, int rank);

    [LoggerMessage(2013, LogLevel.Warning, "Group {Group}: the group was not shut down cleanly: {Reason}")]
    private partial void LogGroupNotStopped(string group, string reason);

    [LoggerMessage(2014, LogLevel.Information, "Group {Group}: standby {Rank} is taken for operation {Operation}")]
    private partial void LogAdopted(string group, int rank, string operation);

    [LoggerMessage(2015, LogLevel.Warning, "Group {Group}: rank {Rank}, a member, {How}. The others go on without it, and another process is started in its place")]
    private partial void LogMemberEnded(string group, int rank, string how);

    [LoggerMessage(2016, LogLevel.Error, "Group {Group}: rank {Rank} could not be started: {Reason}. Trying again in {Delay}")]
    private partial void LogStartFailed(string group, int rank, string reason, TimeSpan delay);

    [LoggerMessage(2017, LogLevel.Error, "Group {Group}: rank {Rank} could not be launched: {Reason}. The operation that waits for it fails; see to the cause, and request it again")]
    private partial void LogJoinerFailed(string group, int rank, string reason);

    [LoggerMessage(2018, LogLevel.Critical, "Group {Group} could not be formed, and this host stops: {Reason}")]
    private partial void LogNotFormed(string group, string reason);

    [LoggerMessage(2019, LogLevel.Error, "Group {Group}: rank {Rank} has ended soon after it was admitted, as the one before it. The next process in its place is started in {Delay}; its own log says why it ends")]
    private partial void LogEndsSoon(string group, int rank, TimeSpan delay);

    [LoggerMessage(2020, LogLevel.Information, "Group {Group}: the start of rank {Rank} is cancelled")]
    private partial void LogCancelled(string group, int rank);
}
