using System.Text.Json.Serialization;

namespace ElasticEp.Recorder;

/// <summary>Options travel by name, so that none is forgotten.</summary>
[JsonSerializable(typeof(ElasticEpOptions))]
internal sealed partial class DumpJson : JsonSerializerContext;
