# The Node that package.json brings to bare machines.
ARG NODE_VERSION=24.22.3

FROM node:${NODE_VERSION}-trixie-slim AS dependencies
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
# The scripts that package.json does not allow do not run here either. Node is in the image: npm's stays out.
RUN npm ci --omit=dev --ignore-scripts && rm -rf node_modules/node-linux-* node_modules/.bin/node
# The embedded PostgreSQL gets its links, which nobody may make in the image later.
COPY src/db/binaries.ts src/db/
RUN node -e "import('/app/src/db/binaries.ts').then(({ installedBinaries }) => installedBinaries())"

FROM node:${NODE_VERSION}-trixie-slim AS dashboard
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY dashboard dashboard
RUN npm run dashboard

FROM node:${NODE_VERSION}-trixie-slim
# As process 1 it passes signals on and buries the children of the embedded PostgreSQL: no --init is needed.
RUN apt-get update \
  && apt-get install -y --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production DATA_DIR=/data
WORKDIR /app
COPY LICENSE package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=dashboard /app/dashboard/dist dashboard/dist
COPY docker docker
COPY src src
# What is mounted there takes their owner over. /secrets is for compose.yaml.
RUN install -d -o node -g node -m 0700 /data /secrets \
  && ln -s /app/docker/wataki.sh /usr/local/bin/wataki
# node, by number: Kubernetes' runAsNonRoot knows no names.
USER 1000:1000
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/app/docker/healthcheck.mjs"]
ENTRYPOINT ["tini", "--", "/app/docker/entrypoint.sh"]
CMD ["node", "--max-semi-space-size=4", "src/main.ts"]
