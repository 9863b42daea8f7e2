# The studio. For an NVIDIA GPU, see docs/studio.md.
FROM python:3.12-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# KubeRay asks the nodes of a cluster by wget whether they are well.
RUN apt-get update && apt-get install --yes --no-install-recommends wget && rm -rf /var/lib/apt/lists/*

WORKDIR /impasto
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
RUN pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" -c constraints.txt '.[cluster,demo,instant,studio,video]' 'ray[default]' \
    && useradd --create-home painter

USER painter
EXPOSE 7860
ENTRYPOINT ["impasto", "studio", "--host", "0.0.0.0"]
CMD ["--open"]
