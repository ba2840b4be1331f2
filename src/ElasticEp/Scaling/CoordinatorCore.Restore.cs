using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>What is held of the record, in case that the store loses it.</summary>
internal sealed partial class CoordinatorCore
{
    private (GroupRecord Record, long Version) _seen = (GroupRecord.Unborn, 0);

    /// <summary>A record that is asked for now is of this epoch at least, or the store has lost one. A process without a view may have seen the record of another group.</summary>
    private long LeastEpoch => _member.View.Epoch == 0 ? 0 : Math.Max(_member.View.Epoch, _seen.Record.View.Epoch);

    /// <summary>Notes the newest record that a watch has shown: if the store loses it, it is still here.</summary>
    public void OnRecordSeen(GroupRecord record, long version, TimeSpan now, List<RankEffect> effects)
    {
        var (epoch, seen) = (record.View.Epoch, _seen.Record.View.Epoch);
        if (epoch > seen || (epoch == seen && version >= _seen.Version) || _member.View.Epoch == 0)
            _seen = (record, version);
        if (!IsActive || Record.View.Epoch > 0 || epoch == 0)
            return;
        _writer.Doubt(); // it brings a group into being, and there is one: the read says so
        Advance(now, effects);
    }

    /// <summary>This rank enters an earlier view than the record that it has seen, or another one of its epoch: the store had gone back, and the group has with it.</summary>
    private void ForgetSeen(GroupView entered)
    {
        var seen = _seen.Record.View;
        if (entered.Epoch < seen.Epoch || (entered.Epoch == seen.Epoch && entered.Digest != seen.Digest))
            _seen = (GroupRecord.Unborn, 0);
    }

    /// <summary>
    /// The store has lost the record, or has an older one. What the members hold of it is written again, as the view of a recovery: so nobody
    /// is overlooked who is in a later view.
    /// </summary>
    private void Restore(long version, TimeSpan now, List<RankEffect> effects)
    {
        var (known, seen) = (Record.View.Epoch, _seen.Record.View.Epoch);
        var held = known > seen || (known == seen && (_writer.IsRestoring || _writer.Version >= _seen.Version)) ? Record : _seen.Record;
        _writer.Restore(held.View.Epoch >= _member.View.Epoch ? held : HeldAt(held), version);
        _transition.OnRecordChanged(now, effects);
        _recovery.OnRecordLost(now);
    }

    /// <summary>
    /// A record of the view that this rank is in, which it has not seen. If views between are not known either, nothing is known of what they
    /// kept. A birth that was under way has been committed: there is a view.
    /// </summary>
    private GroupRecord HeldAt(GroupRecord older)
    {
        var isNext = older.View.Epoch == _member.View.Epoch - 1;
        var held = isNext ? older.WithNext(_member.View) : older with { View = _member.View, LastCompleted = null, Evicted = [] };
        var pending = held.Pending is { Kind: OperationKind.Birth } birth ? birth with { IsCommitted = true, CommittedViews = 1, PlannedViews = 1 } : held.Pending;
        return held with { Reloading = _member.Reloading, Pending = pending };
    }
}
