# facealign serve in a small image: docker build -t facealign . && docker run -p 8000:8000 facealign
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY src src
RUN pip install --no-cache-dir --prefix=/installed ".[server,heif]"

FROM python:3.13-slim
COPY --from=build /installed /usr/local
RUN useradd --system --no-create-home --uid 10001 facealign
USER 10001
ENV OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
  ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Docker's own network decides who reaches it: -p 127.0.0.1:8000:8000 keeps it on this machine.
CMD ["facealign", "serve", "--host", "0.0.0.0", "--port", "8000"]
