using ElasticEp.Samples.Serving;
using Microsoft.AspNetCore.Connections;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Errors in the shape that OpenAI's clients parse.</summary>
internal static partial class HttpErrors
{
    public static Task WriteAsync(HttpContext context, int status, string type, string message, string? parameter = null) =>
        WriteAsync(context, status, new ErrorResponse(new ErrorBody(message, type, parameter, status)));

    public static (int Status, ErrorResponse Body) Describe(ElasticEpException exception)
    {
        var (status, type) = exception.Code switch
        {
            ElasticEpErrorCode.ScaleInProgress or ElasticEpErrorCode.OutcomeUnknown => (409, "conflict"),
            ElasticEpErrorCode.DeadlineExceeded => (408, "timeout"),
            ElasticEpErrorCode.ImpossibleGroup or ElasticEpErrorCode.InvalidArgument => (400, "invalid_request_error"),
            ElasticEpErrorCode.GroupEnded or ElasticEpErrorCode.GroupWaits or ElasticEpErrorCode.ExpertsLost or ElasticEpErrorCode.StoreUnavailable => (503, "service_unavailable"),
            _ => (500, "internal_error"),
        };
        return (status, new ErrorResponse(new ErrorBody(exception.Message, type, null, status)));
    }

    public static (int Status, ErrorResponse Body) Describe(RejectedException exception)
    {
        var (status, type) = exception.Reason == Rejection.QueueFull ? (429, "rate_limit_error") : (503, "service_unavailable");
        return (status, new ErrorResponse(new ErrorBody(exception.Message, type, null, status)));
    }

    /// <summary>Turns what an endpoint throws, and what no endpoint answers, into an answer, as long as none has begun.</summary>
    public static async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (Exception exception) when (exception is ConnectionAbortedException || (context.RequestAborted.IsCancellationRequested && exception is OperationCanceledException or IOException))
        {
            return; // the client has gone, or was cut
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            await AnswerAsync(context, exception);
        }

        if (!context.Response.HasStarted && context.Response.StatusCode is 404 or 405 && context.Response.ContentLength is null)
        {
            var (type, what) = context.Response.StatusCode == 404 ? ("not_found_error", "There is nothing at") : ("invalid_request_error", $"{context.Request.Method} is not possible at");
            await WriteAsync(context, context.Response.StatusCode, type, $"{what} {context.Request.Path}.");
        }
    }

    private static Task AnswerAsync(HttpContext context, Exception exception)
    {
        switch (exception)
        {
            case BadInputException input:
                return WriteAsync(context, input.Status, TypeOf(input.Status), input.Message, input.Parameter);
            case BadHttpRequestException request:
                var message = request.StatusCode == StatusCodes.Status413PayloadTooLarge ? $"The body is larger than {JsonInput.MaxBodyBytes} bytes." : request.Message;
                return WriteAsync(context, request.StatusCode, "invalid_request_error", message);
            case RejectedException rejected:
                context.Response.Headers.RetryAfter = "1";
                var (code, answer) = Describe(rejected);
                return WriteAsync(context, code, answer);
            case ElasticEpException elastic:
                var (status, body) = Describe(elastic);
                if (status == 503)
                    context.Response.Headers.RetryAfter = "1";
                return WriteAsync(context, status, body);
            default: // a mistake of this server: the caller gets no details, the log has them
                LogUnexpected(context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(HttpErrors)), exception, context.Request.Path, context.TraceIdentifier);
                return WriteAsync(context, 500, "internal_error", $"The server failed; its log tells more under request {context.TraceIdentifier}.");
        }
    }

    private static string TypeOf(int status) => status switch
    {
        404 => "not_found_error",
        409 => "conflict",
        _ => "invalid_request_error",
    };

    private static Task WriteAsync(HttpContext context, int status, ErrorResponse body) =>
        Results.Json(body, HttpJson.Readable.ErrorResponse, statusCode: status).ExecuteAsync(context);

    [LoggerMessage(3020, LogLevel.Error, "{Path} failed, request {Request}")]
    private static partial void LogUnexpected(ILogger logger, Exception exception, string path, string request);
}
