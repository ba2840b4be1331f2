namespace ElasticEp.Hosting;

/// <summary>Says in the service collection that a group was added; makes registration idempotent.</summary>
internal sealed record GroupRegistration(string Name, bool IsClient);
