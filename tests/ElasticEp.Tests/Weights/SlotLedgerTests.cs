using CsCheck;
using ElasticEp.Weights;

namespace ElasticEp.Tests.Weights;

public class SlotLedgerTests
{
    [Fact]
    public void A_view_is_staged_filled_and_switched_to()
    {
        var ledger = new SlotLedger(0, 1, 2, 1);

        Assert.Equal([new SlotNeed(0, 4, 0), new SlotNeed(0, 5, 1)], ledger.Stage(View(4, 5)));
        ledger.MarkFilled(0, 4);
        ledger.MarkFilled(0, 5);
        ledger.Switch(View(4, 5));

        Assert.Equal((0, 1), (ledger.Current(0, 0), ledger.Current(0, 1)));
        Assert.False(ledger.IsStaged);
    }

    [Fact]
    public void An_expert_that_changes_its_slot_keeps_its_buffer()
    {
        var ledger = Serving(2, 1, 4, 5);

        Assert.Empty(ledger.Stage(View(5, 4)));
        ledger.Switch(View(5, 4));

        Assert.Equal((1, 0), (ledger.Current(0, 0), ledger.Current(0, 1)));
    }

    [Fact]
    public void Two_slots_with_the_same_expert_share_a_buffer()
    {
        var ledger = new SlotLedger(0, 1, 2, 0);

        Assert.Equal([new SlotNeed(0, 7, 0)], ledger.Stage(View(7, 7)));
    }

    [Fact]
    public void A_full_rank_receives_through_its_spare()
    {
        var ledger = Serving(2, 1, 4, 5);

        Assert.Equal([new SlotNeed(0, 6, 2)], ledger.Stage(View(4, 6)));
    }

    /// <summary>Nothing that the view does not name is needed any more, so even a full rank without spares has room.</summary>
    [Fact]
    public void A_recoverys_view_may_use_every_buffer_that_it_does_not_name()
    {
        var ledger = Serving(2, 0, 4, 5);
        Assert.Equal([new SlotNeed(0, 6, 1)], ledger.Renew(View(4, 6)));
        Assert.Equal((0, -1), (ledger.Current(0, 0), ledger.Current(0, 1)));
        ledger.MarkFilled(0, 6);
        ledger.Switch(View(4, 6));
        Assert.Equal((0, 1), (ledger.Current(0, 0), ledger.Current(0, 1)));
    }

    [Fact]
    public void An_expert_of_a_recoverys_view_is_used_as_soon_as_it_is_here()
    {
        var ledger = Serving(3, 0, 4, 5);
        Assert.Equal([new SlotNeed(0, 6, 2), new SlotNeed(0, 7, 1)], ledger.Renew(View(4, 6, 7)));
        ledger.Refill(View(4, 6, 7), 0, 6);
        Assert.Equal((0, 2, -1), (ledger.Current(0, 0), ledger.Current(0, 1), ledger.Current(0, 2)));
        Assert.Equal([new SlotNeed(0, 7, 1)], ledger.Renew(View(4, 6, 7))); // the next attempt goes on from there
        ledger.Refill(View(4, 6, 7), 0, 7);
        ledger.Switch(View(4, 6, 7));
        Assert.Equal((0, 2, 1), (ledger.Current(0, 0), ledger.Current(0, 1), ledger.Current(0, 2)));
    }

    [Fact]
    public void A_buffer_that_is_read_is_not_written_for_a_recoverys_view()
    {
        var ledger = Serving(2, 0, 4, 5);
        var read = ledger.Borrow(0, 5);
        Assert.Throws<ElasticEpException>(() => ledger.Renew(View(4, 6)));
        ledger.Return(0, read);
        Assert.Equal([new SlotNeed(0, 6, 1)], ledger.Renew(View(4, 6)));
    }

    [Fact]
    public void More_than_the_spares_hold_is_refused_and_changes_nothing()
    {
        var ledger = Serving(2, 1, 4, 5);

        var error = Assert.Throws<ElasticEpException>(() => ledger.Stage(View(6, 7)));

        Assert.Equal(ElasticEpErrorCode.InvalidState, error.Code);
        Assert.Equal(
            "Rank 0 has no free buffer in layer 0: the next view needs 2 experts, and 2 of 3 buffers are in use; plan fewer moves at once, or raise SpareExperts.", error.Message);
        Assert.False(ledger.IsStaged);
        Assert.Equal([new SlotNeed(0, 8, 2)], ledger.Stage(View(4, 8)));
    }

    [Fact]
    public void Old_buffers_are_reused_only_after_release()
    {
        var ledger = Serving(2, 1, 4, 5);
        Fill(ledger, View(4, 6));
        ledger.Switch(View(4, 6));

        Assert.Throws<ElasticEpException>(() => ledger.Stage(View(4, 7)));
        ledger.ReleaseOld();

        Assert.Equal([new SlotNeed(0, 7, 1)], ledger.Stage(View(4, 7)));
    }

    [Fact]
    public void A_view_with_an_expert_that_is_not_here_cannot_be_used()
    {
        var ledger = Serving(2, 1, 4, 5);
        ledger.Stage(View(4, 6));

        var error = Assert.Throws<ElasticEpException>(() => ledger.Switch(View(4, 6)));

        Assert.Equal("Rank 0 cannot use the view: expert 6 of layer 0 is not here.", error.Message);
        Assert.Equal(1, ledger.Current(0, 1));
    }

    [Fact]
    public void An_eviction_in_between_leaves_what_is_staged()
    {
        var ledger = Serving(2, 1, 4, 5);
        ledger.Stage(View(4, 6));

        ledger.Switch(View(5, -1));

        Assert.True(ledger.IsStaged);
        Assert.Equal([new SlotNeed(0, 6, 2)], ledger.Stage(View(4, 6)));
    }

    [Fact]
    public void After_a_switch_the_view_before_can_still_be_returned_to()
    {
        var ledger = Serving(2, 1, 4, 5);
        Fill(ledger, View(4, 6));
        ledger.Switch(View(4, 6));

        ledger.Switch(View(4, 5));

        Assert.Equal(1, ledger.Current(0, 1));
    }

    [Fact]
    public void What_was_received_for_a_view_that_did_not_come_is_not_received_again()
    {
        var ledger = Serving(2, 1, 4, 5);
        Fill(ledger, View(4, 6));
        ledger.Unstage();

        Assert.Empty(ledger.Stage(View(4, 6)));
    }

    [Fact]
    public void Staged_experts_are_not_lent()
    {
        var ledger = Serving(2, 1, 4, 5);
        Fill(ledger, View(4, 6));

        Assert.Equal(-1, ledger.Borrow(0, 6));
        Assert.Equal(1, ledger.Borrow(0, 5));
    }

    [Fact]
    public void A_lent_buffer_is_not_given_to_another_expert()
    {
        var ledger = Serving(1, 1, 4);
        Fill(ledger, View(5));
        var lent = ledger.Borrow(0, 4);
        ledger.Switch(View(5));
        ledger.ReleaseOld();

        Assert.Throws<ElasticEpException>(() => ledger.Stage(View(6)));
        ledger.Return(0, lent);

        Assert.Equal([new SlotNeed(0, 6, lent)], ledger.Stage(View(6)));
    }

    [Fact]
    public void More_slots_than_the_rank_has_are_refused()
    {
        var error = Assert.Throws<ElasticEpException>(() => new SlotLedger(0, 1, 2, 1).Stage(View(1, 2, 3)));

        Assert.Equal(ElasticEpErrorCode.InvalidArgument, error.Code);
    }

    /// <summary>A buffer that a view in use refers to is never a destination, whatever the order of operations. CsCheck prints the seed.</summary>
    [Fact]
    public void Random_histories_keep_every_view_in_use_intact() =>
        Gen.Select(Gen.Int[0, 6], Gen.Shuffle(Enumerable.Range(-1, 8).ToArray(), 3, 3)).Array[1, 60].Sample(RunHistory, iter: 3000);

    private static void RunHistory((int Operation, int[] Slots)[] history)
    {
        var ledger = new SlotLedger(0, 1, 3, 2);
        var content = new int[5]; // what a memory would hold: expert, or −1 while it is being written
        Array.Fill(content, -1);
        int[] current = [-1, -1, -1];
        var older = new List<int[]>();
        int[]? staged = null;
        foreach (var (operation, slots) in history)
        {
            switch (operation)
            {
                case 0 or 1:
                    try
                    {
                        foreach (var need in ledger.Stage(View(slots)))
                        {
                            Assert.DoesNotContain(content[need.Buffer], current.Concat(older.SelectMany(view => view)).Where(expert => expert >= 0));
                            content[need.Buffer] = -1;
                        }

                        staged = slots;
                    }
                    catch (ElasticEpException full) when (full.Code == ElasticEpErrorCode.InvalidState)
                    {
                        Assert.True(current.Concat(older.SelectMany(view => view)).Concat(slots).Where(expert => expert >= 0).Distinct().Count() > 5, full.Message);
                    }

                    break;
                case 2 or 3 when staged is not null:
                    foreach (var need in ledger.Stage(View(staged)))
                    {
                        content[need.Buffer] = need.Expert;
                        ledger.MarkFilled(0, need.Expert);
                    }

                    if (operation == 3)
                    {
                        ledger.Switch(View(staged));
                        older.Add(current);
                        (current, staged) = (staged, null);
                    }

                    break;
                case 4:
                    ledger.ReleaseOld();
                    older.Clear();
                    break;
                case 5:
                    ledger.Unstage();
                    staged = null;
                    break;
                case 6:
                    int[] subset = [.. current.Select((expert, slot) => slot == 0 ? -1 : expert)];
                    ledger.Switch(View(subset));
                    older.Add(current);
                    current = subset;
                    break;
            }

            for (var slot = 0; slot < 3; slot++)
                Assert.Equal(current[slot], ledger.Current(0, slot) is var buffer and >= 0 ? content[buffer] : -1);
        }
    }

    private static SlotLedger Serving(int slots, int spares, params int[] experts)
    {
        var ledger = new SlotLedger(0, 1, slots, spares);
        Fill(ledger, View(experts));
        ledger.Switch(View(experts));
        ledger.ReleaseOld();
        return ledger;
    }

    private static void Fill(SlotLedger ledger, ExpertPlacement view)
    {
        foreach (var need in ledger.Stage(view))
            ledger.MarkFilled(need.Layer, need.Expert);
    }

    private static ExpertPlacement View(params int[] slots) => new(16, [0], [[slots]]);
}
