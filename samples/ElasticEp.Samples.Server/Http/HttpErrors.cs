namespace ElasticEp.Samples.Server.Http;

/// <summary>Errors in the shape that OpenAI's clients parse.</summary>
internal static class HttpErrors
{
    public static Task WriteAsync(HttpContext context, int status, string type, string message, string? parameter = null) =>
        Results.Json(new ErrorResponse(new ErrorBody(message, type, parameter, status)), HttpJson.Default.ErrorResponse, statusCode: status).ExecuteAsync(context);

    public static (int Status, ErrorResponse Body) Describe(ElasticEpException exception)
    {
        var (status, type) = exception.Code switch
        {
            ElasticEpErrorCode.ScaleInProgress => (409, "conflict"),
            ElasticEpErrorCode.ImpossibleGroup or ElasticEpErrorCode.InvalidArgument => (400, "invalid_request_error"),
            ElasticEpErrorCode.GroupEnded => (503, "service_unavailable"),
            _ => (500, "internal_error"),
        };
        return (status, new ErrorResponse(new ErrorBody(exception.Message, type, null, status)));
    }

    /// <summary>Turns what an endpoint throws into an answer, as long as none has begun.</summary>
    public static async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // the client has gone
        }
        catch (BadInputException exception) when (!context.Response.HasStarted)
        {
            await WriteAsync(context, exception.Status, exception.Status == 404 ? "not_found_error" : "invalid_request_error", exception.Message, exception.Parameter);
        }
        catch (BadHttpRequestException exception) when (!context.Response.HasStarted)
        {
            var message = exception.StatusCode == StatusCodes.Status413PayloadTooLarge ? $"The body is larger than {JsonInput.MaxBodyBytes} bytes." : exception.Message;
            await WriteAsync(context, exception.StatusCode, "invalid_request_error", message);
        }
        catch (ElasticEpException exception) when (!context.Response.HasStarted)
        {
            var (status, body) = Describe(exception);
            if (status == 503)
                context.Response.Headers.RetryAfter = "1";
            await Results.Json(body, HttpJson.Default.ErrorResponse, statusCode: status).ExecuteAsync(context);
        }

        if (!context.Response.HasStarted && context.Response.StatusCode is 404 or 405 && context.Response.ContentLength is null)
        {
            var what = context.Response.StatusCode == 404 ? "There is nothing at" : $"{context.Request.Method} is not possible at";
            await WriteAsync(context, context.Response.StatusCode, "not_found_error", $"{what} {context.Request.Path}.");
        }
    }
}
