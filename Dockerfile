# clinometer with the embedded encoder and reports, without torch: docker build -t clinometer .
#     docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" clinometer demo -o results
FROM rust:1-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir 'maturin>=1.9,<2'
WORKDIR /source
COPY . .
RUN /opt/build/bin/maturin build --release --locked --out /wheels

FROM python:3.13-slim-bookworm
COPY --from=build /wheels /wheels
RUN wheel="$(echo /wheels/*.whl)" && pip install --no-cache-dir "${wheel}[offline,report]" && rm -r /wheels
# Nothing needs root, and files in a mounted folder belong to whoever runs it with --user.
RUN useradd --create-home clinometer && install --directory --owner clinometer /work
USER clinometer
WORKDIR /work
ENTRYPOINT ["clinometer"]
CMD ["--help"]
