namespace ElasticEp.Samples.Server.Http;

/// <summary>Errors in the shape that OpenAI's clients parse.</summary>
internal static class HttpErrors
{
    public static IResult BadRequest(string message, string? parameter = null) => Of(400, "invalid_request_error", message, parameter);

    public static IResult Of(int status, string type, string message, string? parameter = null) =>
        Results.Json(new ErrorResponse(new ErrorBody(message, type, parameter, status)), HttpJson.Default.ErrorResponse, statusCode: status);

    public static IResult Of(ElasticEpException exception) => exception.Code switch
    {
        ElasticEpErrorCode.ScaleInProgress => Of(409, "conflict", exception.Message),
        ElasticEpErrorCode.ImpossibleGroup or ElasticEpErrorCode.InvalidArgument => Of(400, "invalid_request_error", exception.Message),
        ElasticEpErrorCode.GroupEnded => Of(503, "service_unavailable", exception.Message),
        _ => Of(500, "internal_error", exception.Message),
    };
}
