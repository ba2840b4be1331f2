# The sample server; gateway and workers run from the same image (docs/deploy.md).
# docker build -t elasticep-server . && docker run -p 8000:8000 elasticep-server
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
# Packages are restored from what names them alone, so that a change of code does not fetch them again.
COPY .editorconfig BannedSymbols.txt Directory.Build.props Directory.Build.targets Directory.Packages.props global.json ./
COPY src/ElasticEp/ElasticEp.csproj src/ElasticEp/
COPY src/ElasticEp.Hosting/ElasticEp.Hosting.csproj src/ElasticEp.Hosting/
COPY src/ElasticEp.Transports.Rdma/ElasticEp.Transports.Rdma.csproj src/ElasticEp.Transports.Rdma/
COPY src/ElasticEp.Transports.Tcp/ElasticEp.Transports.Tcp.csproj src/ElasticEp.Transports.Tcp/
COPY samples/ElasticEp.Samples.Qwen3Moe/ElasticEp.Samples.Qwen3Moe.csproj samples/ElasticEp.Samples.Qwen3Moe/
COPY samples/ElasticEp.Samples.Server/ElasticEp.Samples.Server.csproj samples/ElasticEp.Samples.Server/
COPY samples/ElasticEp.Samples.Serving/ElasticEp.Samples.Serving.csproj samples/ElasticEp.Samples.Serving/
RUN dotnet restore samples/ElasticEp.Samples.Server
COPY src src
COPY samples samples
RUN dotnet publish samples/ElasticEp.Samples.Server -c Release --no-restore -o out

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
COPY --from=build /source/out ./
USER $APP_UID
EXPOSE 8000
ENTRYPOINT ["./ElasticEp.Samples.Server"]
CMD ["--urls", "http://0.0.0.0:8000"]
