namespace ElasticEp.Protocol;

/// <summary>The view in use, as a Prepare carries it.</summary>
/// <param name="Epoch">Its epoch.</param>
/// <param name="Digest">Its digest.</param>
/// <param name="Whole">The view itself; null for a receiver that is a member of it, and so holds it.</param>
internal readonly record struct BaseView(long Epoch, ulong Digest, GroupView? Whole)
{
    public static BaseView NameOf(GroupView view) => new(view.Epoch, view.Digest, null);

    public static BaseView Of(GroupView whole) => new(whole.Epoch, whole.Digest, whole);
}
